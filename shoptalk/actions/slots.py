"""Slots filled from what the user said, by the mappings of the domain (`action_extract_slots`)."""

from __future__ import annotations

import logging
from typing import Any

from shoptalk.actions.base import Scene, after
from shoptalk.core.domain import ACTION_VALIDATE_SLOT_MAPPINGS, KNOWLEDGE_BASE_SLOTS, Domain
from shoptalk.core.events import BotUttered, Event, SlotSet
from shoptalk.core.slots import REQUESTED_SLOT, SESSION_METADATA_SLOT, Slot, SlotMapping
from shoptalk.core.tracker import Tracker
from shoptalk.errors import ActionError

logger = logging.getLogger(__name__)

AUTOMATIC = frozenset((REQUESTED_SLOT, SESSION_METADATA_SLOT, *KNOWLEDGE_BASE_SLOTS))
"""Slots the engine sets itself; mappings never do."""


async def extract_slots(scene: Scene) -> list[Event]:
    """Fill slots from the last message; then let `action_validate_slot_mappings` have its say, if there is one.

    Slots come in the order of the domain; the first mapping of a slot that finds something wins.
    """
    found: list[Event] = []
    asked: set[str] = set()
    for slot in scene.domain.slots.values():
        if slot.name not in AUTOMATIC:
            found += await _fill(slot, scene, asked)
    return await _validate(found, scene)


async def _fill(slot: Slot, scene: Scene, asked: set[str]) -> list[Event]:
    out: list[Event] = []
    tracker, domain = scene.tracker, scene.domain
    for mapping in slot.mappings:
        if not applies(mapping, slot.name, tracker, domain):
            continue
        values = _values(mapping, tracker)
        if values:
            value = values if slot.type == "list" else values[-1]
            if value is not None or tracker.slots.get(slot.name) is not None:
                out.append(SlotSet(name=slot.name, value=value))
                break
        action = mapping.raw.get("action")
        if mapping.type == "custom" and action and action not in asked:
            asked.add(action)
            out += await _ask(action, scene)
    return out


def applies(mapping: SlotMapping, slot: str, tracker: Tracker, domain: Domain) -> bool:
    """Whether a mapping may fill its slot now: its names exist, intent and conditions fit, no other slot's turn."""
    return (
        _is_known(mapping, slot, domain)
        and _intent_fits(mapping, tracker, domain)
        and (mapping.type == "from_trigger_intent" or _conditions_hold(mapping, slot, tracker))
        and not _is_ambiguous(mapping, slot, tracker, domain)
    )


def _is_known(mapping: SlotMapping, slot: str, domain: Domain) -> bool:
    if mapping.type == "from_entity" and mapping.raw.get("entity") not in domain.entities:
        logger.warning(
            "Slot %r is mapped from the entity %r, which the domain lacks.", slot, mapping.raw.get("entity")
        )
        return False
    if mapping.type == "from_intent":
        strange = [name for name in mapping.names("intent") if name and name not in domain.intent_names]
        if strange:
            logger.warning("Slot %r is mapped from the intent %r, which the domain lacks.", slot, strange[0])
            return False
    return True


def _intent_fits(mapping: SlotMapping, tracker: Tracker, domain: Domain) -> bool:
    intent = tracker.latest_message.intent_name
    wanted = mapping.names("intent")
    if wanted:
        return intent in wanted
    if intent in mapping.names("not_intent"):
        return False
    form = domain.forms.get(tracker.active_loop_name or "")
    if form is None or intent not in form.ignored_intents:
        return True
    return bool(mapping.conditions) and all(c.get("active_loop") != form.name for c in mapping.conditions)


def _conditions_hold(mapping: SlotMapping, slot: str, tracker: Tracker) -> bool:
    if not mapping.conditions:
        return True
    requested = tracker.slots.get(REQUESTED_SLOT)
    loop = tracker.active_loop
    if loop is not None and loop.rejected and requested == slot:
        return False
    for condition in mapping.conditions:
        name = condition.get("active_loop")
        if name is None:
            if loop is None:
                return True
        elif name == tracker.active_loop_name and condition.get(REQUESTED_SLOT) in (None, "", requested):
            return True
    return False


def _is_ambiguous(mapping: SlotMapping, slot: str, tracker: Tracker, domain: Domain) -> bool:
    """Whether a form has several slots with this very mapping, and another than this one is asked for."""
    form = domain.forms.get(tracker.active_loop_name or "")
    if mapping.type != "from_entity" or form is None or slot not in form.required_slots:
        return False
    if tracker.slots.get(REQUESTED_SLOT) == slot:
        return False
    same = [
        other
        for name in form.required_slots
        if name in domain.slots
        for other in domain.slots[name].mappings
        if other.type == "from_entity" and dict(other.raw) == dict(mapping.raw)
    ]
    return len(same) != 1


def _values(mapping: SlotMapping, tracker: Tracker) -> list[Any]:
    message = tracker.latest_message
    raw = mapping.raw
    if mapping.type == "from_entity":
        wanted = (raw.get("entity"), raw.get("role"), raw.get("group"))
        return [
            e.get("value")
            for e in message.entities
            if (e.get("entity"), e.get("role"), e.get("group")) == wanted
        ]
    if mapping.type == "from_text":
        return [message.text]
    if mapping.type == "from_intent" or (
        mapping.type == "from_trigger_intent" and _is_triggered(mapping, tracker)
    ):
        return [raw.get("value")]
    return []


def _is_triggered(mapping: SlotMapping, tracker: Tracker) -> bool:
    loops = [condition.get("active_loop") for condition in mapping.conditions]
    return tracker.active_loop is not None and (not loops or tracker.active_loop_name in loops)


async def _ask(action: str, scene: Scene) -> list[Event]:
    """Slots and messages of a custom action; a failure only costs those."""
    try:
        events = await scene.actions.custom(action, scene)
    except ActionError as error:
        logger.warning("slots.custom_action_failed %s: %s", action, error)
        return []
    dropped = sorted({event.kind for event in events if not isinstance(event, SlotSet | BotUttered)})
    if dropped:
        logger.info("Events of %r other than slots and messages are dropped: %s.", action, ", ".join(dropped))
    return [event for event in events if isinstance(event, SlotSet | BotUttered)]


async def _validate(found: list[Event], scene: Scene) -> list[Event]:
    slots = [event for event in found if isinstance(event, SlotSet)]
    if ACTION_VALIDATE_SLOT_MAPPINGS not in scene.domain.user_actions:
        return list(slots)
    checked = await _ask(ACTION_VALIDATE_SLOT_MAPPINGS, scene.at(after(scene.tracker, slots)))
    named = {event.name for event in checked if isinstance(event, SlotSet)}
    return [*checked, *(event for event in slots if event.name not in named)]
