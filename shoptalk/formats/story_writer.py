"""Conversations written as stories, in the form people go on editing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN, ACTION_SESSION_START, ACTION_UNLIKELY_INTENT
from shoptalk.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserFeaturization, UserUttered
from shoptalk.core.training_data import EntitySpan
from shoptalk.formats.nlu import markup
from shoptalk.formats.project import FORMAT_VERSION
from shoptalk.formats.yaml_writer import block, literal, scalar


def stories_of(
    name: str, events: Iterable[Event], *, all_sessions: bool = False, as_test: bool = True
) -> str:
    """A story file of a conversation.

    Args:
        name: of the story; with several sessions, `name, story 1` and so on.
        events: of the whole conversation.
        all_sessions: one story a session instead of the last session alone.
        as_test: with the texts of the user and their entities, as test stories have them.
    """
    sessions = [part for part in _sessions(events) if _steps(part, as_test)]
    if not all_sessions:
        sessions = sessions[-1:]
    version = ".".join(str(part) for part in FORMAT_VERSION)
    lines = [f'version: "{version}"', "stories:"]
    for number, session in enumerate(sessions, start=1):
        title = name if len(sessions) == 1 else f"{name}, story {number}"
        lines += [f"- story: {scalar(title)}", "  steps:", *_steps(session, as_test)]
    return "\n".join(lines) + "\n"


def _sessions(events: Iterable[Event]) -> list[list[Event]]:
    parts: list[list[Event]] = [[]]
    for event in events:
        if isinstance(event, ActionExecuted) and event.name == ACTION_SESSION_START:
            parts.append([])
        else:
            parts[-1].append(event)
    return parts


def _steps(events: Sequence[Event], as_test: bool) -> list[str]:
    lines: list[str] = []
    by_text = _said_by_text(events)
    for place, event in enumerate(events):
        if isinstance(event, UserUttered):
            lines += _user(event, as_test, by_text=place in by_text)
        elif isinstance(event, ActionExecuted) and event.name not in (ACTION_LISTEN, ACTION_UNLIKELY_INTENT):
            lines.append(
                f"  - action: {scalar(event.name)}" if event.name else f"  - bot: {scalar(event.action_text)}"
            )
        elif isinstance(event, SlotSet):
            lines += ["  - slot_was_set:", *_indented(4, block([{event.name: event.value}]))]
        elif isinstance(event, ActiveLoop):
            lines.append(f"  - active_loop: {scalar(event.name)}")
    return lines


def _said_by_text(events: Sequence[Event]) -> set[int]:
    """Places of the messages that were answered by their texts, not by their intents."""
    found: set[int] = set()
    place = -1
    for at, event in enumerate(events):
        if isinstance(event, UserUttered):
            place = at
        elif isinstance(event, UserFeaturization) and event.use_text_for_featurization and place >= 0:
            found.add(place)
    return found


def _user(event: UserUttered, as_test: bool, *, by_text: bool) -> list[str]:
    intent = event.intent.get("full_retrieval_intent_name") or event.intent_name
    text = event.text or ""
    if not as_test:
        lines = [f"  - intent: {scalar(intent)}"]
        if event.entities:
            lines.append("    entities:")
        for entity in event.entities:
            lines += _indented(4, block([_entity(entity)]))
        return lines
    spans = () if text.startswith("/") else tuple(_span(text, e) for e in event.entities if "start" in e)
    lines = [] if by_text or intent is None else [f"intent: {scalar(intent)}"]
    lines += literal("user", markup(text, spans)) if text else []
    return [f"{'    ' if number else '  - '}{line}" if line else "" for number, line in enumerate(lines)]


def _entity(entity: dict[str, Any]) -> dict[str, Any]:
    return {
        entity["entity"]: entity.get("value"),
        **{key: entity[key] for key in ("role", "group") if entity.get(key)},
    }


def _indented(by: int, lines: Sequence[str]) -> list[str]:
    return [" " * by + line for line in lines]


def _span(text: str, entity: dict[str, Any]) -> EntitySpan:
    start, end = entity["start"], entity["end"]
    value = text[start:end] if entity.get("value") is None else entity["value"]
    return EntitySpan(start, end, entity["entity"], value, entity.get("role"), entity.get("group"))
