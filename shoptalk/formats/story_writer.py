"""Conversations written as stories, in the form people go on editing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN, ACTION_SESSION_START
from shoptalk.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from shoptalk.core.slots import SESSION_METADATA_SLOT
from shoptalk.core.training_data import EntitySpan
from shoptalk.formats.nlu import markup
from shoptalk.formats.project import FORMAT_VERSION


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
    for event in events:
        if isinstance(event, UserUttered):
            lines += _user(event, as_test)
        elif isinstance(event, ActionExecuted) and event.name != ACTION_LISTEN:
            lines.append(
                f"  - action: {scalar(event.name)}" if event.name else f"  - bot: {scalar(event.action_text)}"
            )
        elif isinstance(event, SlotSet) and event.name != SESSION_METADATA_SLOT:
            lines += ["  - slot_was_set:", f"    - {scalar(event.name)}: {scalar(event.value)}"]
        elif isinstance(event, ActiveLoop):
            lines.append(f"  - active_loop: {scalar(event.name)}")
    return lines


def _user(event: UserUttered, as_test: bool) -> list[str]:
    intent = event.intent.get("full_retrieval_intent_name") or event.intent_name
    text = event.text or ""
    if not as_test:
        lines = [f"  - intent: {scalar(intent)}"]
        if event.entities:
            lines.append("    entities:")
        for entity in event.entities:
            lines.append(f"    - {scalar(entity['entity'])}: {scalar(entity.get('value'))}")
            lines += [f"      {key}: {scalar(entity[key])}" for key in ("role", "group") if entity.get(key)]
        return lines
    spans = () if text.startswith("/") else tuple(_span(text, e) for e in event.entities if "start" in e)
    block = [f"      {line}" for line in markup(text, spans).splitlines() or [""]]
    return [f"  - intent: {scalar(intent)}", "    user: |-", *block]


def _span(text: str, entity: dict[str, Any]) -> EntitySpan:
    value = entity.get("value")
    shown = value if isinstance(value, str) else text[entity["start"] : entity["end"]]
    return EntitySpan(
        entity["start"], entity["end"], entity["entity"], shown, entity.get("role"), entity.get("group")
    )


def scalar(value: Any) -> str:
    """A value on one line of YAML: plain where that is safe, else quoted as JSON."""
    if isinstance(value, str) and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_plain(value: str) -> bool:
    """Whether a text means itself in YAML without quotes."""
    import yaml

    from shoptalk.formats.yaml import resolve

    if not value or value != value.strip() or not isinstance(resolve(value), str):
        return False
    try:
        return bool(yaml.safe_load(f"- {value}") == [value])
    except yaml.YAMLError:
        return False
