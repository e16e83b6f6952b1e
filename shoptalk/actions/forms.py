"""Forms: ask for slots one by one until all are filled.

A form's run is a small fold of its own: what it has done so far in this run (`done`) decides what it does next. It
validates what the user just gave, asks for the next empty slot, and ends when none is left.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from shoptalk.actions.base import Action, Scene, after
from shoptalk.core.domain import ACTION_EXTRACT_SLOTS, ACTION_LISTEN, FormSpec
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from shoptalk.core.slots import REQUESTED_SLOT
from shoptalk.core.tracker import Tracker
from shoptalk.errors import Rejected

logger = logging.getLogger(__name__)


def form_action(form: FormSpec) -> Action:
    """The action of a form of the domain."""

    async def run(scene: Scene) -> list[Event]:
        return await run_form(form, scene)

    return run


async def run_form(form: FormSpec, scene: Scene) -> list[Event]:
    """Run a form for one turn.

    Raises:
        Rejected: a slot was asked for, and nothing the user said fills any.
    """
    done: list[Event] = []
    if scene.tracker.active_loop_name != form.name:
        begun = ActiveLoop(name=form.name)
        done = [begun, *await _activate(form, scene.at(_with(scene.tracker, [begun])))]
    if not is_done(done):
        done += await _go_on(form, scene, done)
    if is_done(done):
        done.append(ActiveLoop(name=None))
    return done


def is_done(events: Sequence[Event]) -> bool:
    """Whether the newest word on the requested slot or on the loop is that there is none."""
    if any(isinstance(event, ActionExecutionRejected) for event in events):
        return False
    slot = next((e for e in reversed(events) if isinstance(e, SlotSet) and e.name == REQUESTED_SLOT), None)
    loop = next((e for e in reversed(events) if isinstance(e, ActiveLoop)), None)
    return (slot is not None and slot.value is None) or (loop is not None and loop.name is None)


async def _activate(form: FormSpec, scene: Scene) -> list[Event]:
    """Take in what is known already. Slots are extracted again, now that the form counts as active."""
    extracted = await scene.actions.run(ACTION_EXTRACT_SLOTS, scene)
    slots = [event for event in extracted if isinstance(event, SlotSet)]
    if not _is_validated(form, scene):
        return list(slots)
    tracker = _with(scene.tracker, extracted)
    filled = {
        name: tracker.slots[name] for name in form.required_slots if tracker.slots.get(name) is not None
    }
    checked = await _validate(form, scene.at(tracker), filled)
    named = {event.name for event in checked if isinstance(event, SlotSet)}
    return [*checked, *(event for event in slots if event.name not in named)]


async def _go_on(form: FormSpec, scene: Scene, done: Sequence[Event]) -> list[Event]:
    checked: list[Event] = []
    if all(isinstance(event, ActiveLoop) for event in done):
        checked = await _validate_answer(form, scene)
    if any(isinstance(event, ActionExecutionRejected) for event in checked):
        return checked
    return [*checked, *await _ask_next(form, scene, [*done, *checked])]


async def _validate_answer(form: FormSpec, scene: Scene) -> list[Event]:
    tracker = scene.tracker
    loop = tracker.active_loop
    answers = tracker.latest_action_name == ACTION_LISTEN and not (loop and loop.is_interrupted)
    if loop is not None and not answers:
        return await _validate(form, scene, {})
    given = _given_since_message(form, tracker)
    checked = await _validate(form, scene, given)
    asked = _asked_slot(form, tracker)
    took = any(isinstance(event, SlotSet) and event.name != REQUESTED_SLOT for event in checked)
    refused = any(isinstance(event, ActionExecutionRejected) for event in checked)
    if asked and not given and not took and not refused:
        raise Rejected(f"Form {form.name!r} asked for {asked!r}, and the message fills no slot.")
    return checked


def _given_since_message(form: FormSpec, tracker: Tracker) -> dict[str, Any]:
    """Slots of the form that were set since the last message."""
    wanted = {*form.required_slots, _asked_slot(form, tracker)}
    given: dict[str, Any] = {}
    for event in tracker.events[_place_of_message(tracker) :]:
        if isinstance(event, SlotSet) and event.name in wanted:
            given[event.name] = event.value
    return given


def _place_of_message(tracker: Tracker) -> int:
    latest = tracker.latest_message
    for place in range(len(tracker.events) - 1, -1, -1):
        event = tracker.events[place]
        if isinstance(event, Restarted):
            return place
        if isinstance(event, UserUttered) and _is_same(event, latest):
            return place
    return 0


def _is_same(event: UserUttered, latest: UserUttered) -> bool:
    """Whether two messages say the same; entities found later do not matter."""
    return (event.text, event.intent_name) == (latest.text, latest.intent_name)


def _asked_slot(form: FormSpec, tracker: Tracker) -> str | None:
    """The slot this form asked for; another form's does not count."""
    return tracker.slots.get(REQUESTED_SLOT) if tracker.active_loop_name == form.name else None


def _is_validated(form: FormSpec, scene: Scene) -> bool:
    return f"validate_{form.name}" in scene.domain.action_index


async def _validate(form: FormSpec, scene: Scene, given: dict[str, Any]) -> list[Event]:
    """What `validate_FORM` makes of the given slots; nothing when the domain lists no such action."""
    if not _is_validated(form, scene):
        return []
    candidates = [SlotSet(name=name, value=value) for name, value in given.items()]
    tracker = _in_form(form, scene.tracker, candidates)
    return await scene.actions.custom(f"validate_{form.name}", scene.at(tracker))


def _in_form(form: FormSpec, tracker: Tracker, events: Sequence[Event]) -> Tracker:
    """The conversation as the form's own actions see it: the form has run, and `events` came of it."""
    asked = SlotSet(name=REQUESTED_SLOT, value=_asked_slot(form, tracker))
    return after(tracker, [asked, ActionExecuted(name=form.name), *events])


async def _ask_next(form: FormSpec, scene: Scene, done: Sequence[Event]) -> list[Event]:
    if is_done(done):
        return [SlotSet(name=REQUESTED_SLOT, value=None)]
    chosen = next((e.value for e in done if isinstance(e, SlotSet) and e.name == REQUESTED_SLOT), None)
    tracker = _in_form(form, scene.tracker, done)
    if chosen:
        return await _ask(form, str(chosen), scene.at(tracker))
    empty = next((name for name in form.required_slots if tracker.slots.get(name) is None), None)
    asked: list[Event] = [SlotSet(name=REQUESTED_SLOT, value=empty)]
    return asked if empty is None else [*asked, *await _ask(form, empty, scene.at(tracker))]


async def _ask(form: FormSpec, slot: str, scene: Scene) -> list[Event]:
    ways = (
        f"action_ask_{form.name}_{slot}",
        f"utter_ask_{form.name}_{slot}",
        f"action_ask_{slot}",
        f"utter_ask_{slot}",
    )
    way = next((name for name in ways if name in scene.domain.action_index), None)
    if way is None:
        logger.debug("Nothing asks for slot %r of form %r.", slot, form.name)
        return []
    return await scene.actions.run(way, scene)


def _with(tracker: Tracker, events: Sequence[Event]) -> Tracker:
    later = tracker.copy()
    later.apply_all(events)
    return later
