"""The actions every assistant has. The user's domain overrides one by listing its name under `actions:`."""

from __future__ import annotations

from shoptalk.actions.base import Action, Scene, bot_uttered
from shoptalk.actions.fallback import two_stage_fallback
from shoptalk.actions.responses import utter
from shoptalk.actions.slots import extract_slots
from shoptalk.core import domain as names
from shoptalk.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
)
from shoptalk.core.slots import REQUESTED_SLOT, SESSION_METADATA_SLOT

LANGUAGE_SLOT = "language"
"""Of the domain, and the key in the metadata of channels whose page has a language."""


async def do_nothing(scene: Scene) -> list[Event]:
    """`action_listen` and `action_unlikely_intent`: that they ran is all they do."""
    return []


async def restart(scene: Scene) -> list[Event]:
    """`action_restart`: say so and forget everything."""
    return [*await utter("utter_restart", scene, quiet=True), Restarted()]


async def start_session(scene: Scene) -> list[Event]:
    """`action_session_start`: begin anew, carrying slots over if the domain says so, and in the page's language."""
    carried: list[Event] = []
    if scene.domain.session.carry_over_slots:
        carried = [
            SlotSet(name=event.name, value=event.value, metadata=event.metadata)
            for event in scene.tracker.applied
            if isinstance(event, SlotSet)
        ]
    page = _language_of_page(scene)
    known = any(
        event.name == LANGUAGE_SLOT and event.value for event in carried if isinstance(event, SlotSet)
    )
    language = [SlotSet(name=LANGUAGE_SLOT, value=page)] if page and not known else []
    return [SessionStarted(), *carried, *language, ActionExecuted(name=names.ACTION_LISTEN)]


def _language_of_page(scene: Scene) -> str | None:
    """The language that the session's metadata names, if the domain has a slot for it that no policy looks at."""
    slot = scene.domain.slots.get(LANGUAGE_SLOT)
    metadata = scene.tracker.slots.get(SESSION_METADATA_SLOT)
    if slot is None or slot.type != "text" or slot.influence_conversation or not isinstance(metadata, dict):
        return None
    language = metadata.get(LANGUAGE_SLOT)
    return language if isinstance(language, str) else None


async def fall_back(scene: Scene) -> list[Event]:
    """`action_default_fallback`: admit it and take the message back."""
    return [*await utter("utter_default", scene, quiet=True), UserUtteranceReverted()]


async def deactivate_loop(scene: Scene) -> list[Event]:
    """`action_deactivate_loop`: leave the running form."""
    return [ActiveLoop(name=None), SlotSet(name=REQUESTED_SLOT, value=None)]


async def go_back(scene: Scene) -> list[Event]:
    """`action_back`: as if the last two messages had not been."""
    return [*await utter("utter_back", scene, quiet=True), UserUtteranceReverted(), UserUtteranceReverted()]


async def ask_affirmation(scene: Scene) -> list[Event]:
    """`action_default_ask_affirmation`: ask whether the likeliest real intent was meant."""
    message = scene.tracker.latest_message
    intent = message.intent_name
    ranking = message.parse_data.get("intent_ranking") or []
    if intent == names.INTENT_FALLBACK and len(ranking) > 1:
        intent = ranking[1].get("name")
    return [
        bot_uttered(
            {
                "text": f"Did you mean '{intent}'?",
                "buttons": [
                    {"title": "Yes", "payload": f"/{intent}"},
                    {"title": "No", "payload": f"/{names.INTENT_OUT_OF_SCOPE}"},
                ],
                "utter_action": names.ACTION_ASK_AFFIRMATION,
            }
        )
    ]


async def ask_rephrase(scene: Scene) -> list[Event]:
    """`action_default_ask_rephrase`: ask for other words."""
    return await utter("utter_ask_rephrase", scene, quiet=True)


DEFAULTS: dict[str, Action] = {
    names.ACTION_LISTEN: do_nothing,
    names.ACTION_RESTART: restart,
    names.ACTION_SESSION_START: start_session,
    names.ACTION_DEFAULT_FALLBACK: fall_back,
    names.ACTION_DEACTIVATE_LOOP: deactivate_loop,
    names.ACTION_REVERT_FALLBACK: do_nothing,
    names.ACTION_ASK_AFFIRMATION: ask_affirmation,
    names.ACTION_ASK_REPHRASE: ask_rephrase,
    names.ACTION_TWO_STAGE_FALLBACK: two_stage_fallback,
    names.ACTION_UNLIKELY_INTENT: do_nothing,
    names.ACTION_BACK: go_back,
    names.ACTION_EXTRACT_SLOTS: extract_slots,
}
