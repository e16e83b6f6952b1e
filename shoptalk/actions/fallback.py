"""Fallback in two stages: ask whether the likeliest intent was meant, then for other words, then give up."""

from __future__ import annotations

from dataclasses import replace

from shoptalk.actions.base import Scene
from shoptalk.core import domain as names
from shoptalk.core.events import ActionExecuted, ActiveLoop, Event, UserUtteranceReverted, UserUttered
from shoptalk.core.tracker import Tracker

UNCLEAR = (names.INTENT_FALLBACK, names.INTENT_OUT_OF_SCOPE)
TWICE_UNCLEAR = [names.INTENT_FALLBACK] * 2
DENIED_AGAIN = [names.INTENT_OUT_OF_SCOPE, names.INTENT_FALLBACK, names.INTENT_OUT_OF_SCOPE]


async def two_stage_fallback(scene: Scene) -> list[Event]:
    """`action_two_stage_fallback`: a loop that runs until the user is understood or it gives up."""
    tracker = scene.tracker
    begins = tracker.active_loop_name != names.ACTION_TWO_STAGE_FALLBACK
    events: list[Event] = [ActiveLoop(name=names.ACTION_TWO_STAGE_FALLBACK)] if begins else []
    intent = tracker.latest_message.intent_name
    hopeless = last_intents(tracker, 2) == TWICE_UNCLEAR or last_intents(tracker, 3) == DENIED_AGAIN
    if intent in UNCLEAR and not hopeless:
        affirm = begins or intent == names.INTENT_FALLBACK
        asks = names.ACTION_ASK_AFFIRMATION if affirm else names.ACTION_ASK_REPHRASE
        return [*events, *await scene.actions.run(asks, scene)]
    events.append(ActiveLoop(name=None))
    if hopeless:
        return [*events, *await scene.actions.run(names.ACTION_DEFAULT_FALLBACK, scene)]
    return [*events, UserUtteranceReverted(), ActionExecuted(name=names.ACTION_LISTEN), _clarified(tracker)]


def last_intents(tracker: Tracker, count: int) -> list[str | None]:
    """Intents of the last messages since the restart, newest first; a message taken back takes its place up."""
    seen = [
        event
        for event in reversed(tracker.events_after_restart())
        if isinstance(event, UserUttered | UserUtteranceReverted)
    ]
    return [event.intent_name for event in seen[:count] if isinstance(event, UserUttered)]


def _clarified(tracker: Tracker) -> UserUttered:
    message = tracker.latest_message
    parse_data = {**message.parse_data, "intent": {**message.intent, "confidence": 1.0}}
    return replace(message, parse_data=parse_data)
