"""The user's own actions: what is sent to them, and how their answer is read. Remote and in-process alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shoptalk.actions.base import Scene, bot_uttered
from shoptalk.core.events import Event, decode
from shoptalk.errors import ActionError, DataError

PROTOCOL_VERSION = "3.6.21"
"""The version of Rasa whose protocol is spoken; an action server only compares it with its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a custom action answered: events and responses in wire form."""

    events: Sequence[Mapping[str, Any]] = field(default_factory=list)
    responses: Sequence[Mapping[str, Any]] = field(default_factory=list)


class CustomActions(Protocol):
    """Runs actions that the user wrote."""

    async def run(self, name: str, scene: Scene) -> Answer:
        """Run one.

        Raises:
            Rejected: the action declines.
            Timeout: it did not answer in time.
            NotFound: nobody provides it.
            ActionError: it failed.
        """
        ...

    async def close(self) -> None:
        """Give connections and threads back."""
        ...


def call_body(name: str, scene: Scene, newest: int | None = None) -> dict[str, Any]:
    """What an action is sent, without the domain.

    Args:
        name: of the action.
        scene: the conversation it is called in.
        newest: send only so many of the current session's events; None sends all.
    """
    events = scene.tracker.events
    shown = events if newest is None else events[-newest:] if newest else []
    return {
        "next_action": name,
        "sender_id": scene.tracker.sender_id,
        "tracker": scene.tracker.as_dict(shown),
        "version": PROTOCOL_VERSION,
    }


def domain_digest(domain: Mapping[str, Any]) -> str:
    """A short name for a domain's content."""
    return hashlib.sha256(json.dumps(domain, sort_keys=True, default=str).encode()).hexdigest()


async def read_answer(name: str, answer: Answer, scene: Scene) -> list[Event]:
    """The events of an answer: its messages first, then its events, as Rasa orders them.

    Raises:
        ActionError: the answer breaks the protocol.
    """
    events = [_read_event(name, item) for item in answer.events]
    messages = [await _utter(item, scene) for item in answer.responses]
    return [*(message for message in messages if message is not None), *events]


def _read_event(name: str, item: Any) -> Event:
    problem = _problem_of(item)
    if problem is None:
        try:
            return decode(item, strict=True)
        except DataError as error:
            problem = str(error)
    raise ActionError(f"Action {name!r} answered with an event that is none: {problem}")


def _problem_of(item: Any) -> str | None:
    """What is wrong with the wire form of an event, in words; None when nothing is."""
    if not isinstance(item, dict):
        return f"{item!r} is not an object."
    if not isinstance(item.get("event"), str):
        return f"{item!r} has no `event`."
    moment = item.get("timestamp")
    if moment is not None and (isinstance(moment, bool) or not isinstance(moment, int | float)):
        return f"its timestamp {moment!r} is not a number."
    if not isinstance(item.get("metadata"), dict | None):
        return f"its metadata {item['metadata']!r} is not an object."
    if item["event"] == "slot" and ("value" not in item or not isinstance(item.get("name"), str)):
        return f"{item!r} sets a slot without `name` or `value`."
    if item["event"] == "entities" and not isinstance(item.get("entities"), list):
        return f"{item!r} adds entities that are not a list."
    return None


async def _utter(item: Mapping[str, Any], scene: Scene) -> Event | None:
    """A message of an answer; one that names a response gets that response's text and buttons first."""
    rest = dict(item)
    name = rest.pop("response", None)
    draft: dict[str, Any] = {}
    if name:
        found = await scene.actions.responses.generate(str(name), scene, rest)
        if not found:
            return None
        draft = {**found, "utter_action": name}
    buttons = rest.pop("buttons", None)
    if buttons:
        draft["buttons"] = [*(draft.get("buttons") or []), *buttons]
    draft.update((key, value) for key, value in rest.items() if value)
    return bot_uttered(draft)
