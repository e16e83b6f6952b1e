"""What policies see of a conversation at one moment.

A state is what the user said last, what the assistant did last, which slots hold something and which loop runs.
Its JSON form is Rasa's; that matters, because the length of that text decides between rules that match equally.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN

SHOULD_NOT_BE_SET = "should_not_be_set"
"""In rules: the value of a slot, or name of a loop, that must be absent."""

SlotFeature = tuple[float, ...] | str
"""The numbers of a slot, or `SHOULD_NOT_BE_SET`."""


@dataclass(frozen=True, slots=True)
class State:
    """One moment of a conversation.

    Args:
        intent, text: of the last message; at most one of them (intent, unless the text was what counted).
        entities: sorted labels found in the last message.
        action, action_text: the last action's name, or the text of an end-to-end action; none at the start.
        slots: sorted pairs of a slot's name and its features; slots that say nothing are left out.
        loop: the running loop.
    """

    intent: str | None = None
    text: str | None = None
    entities: tuple[str, ...] = ()
    action: str | None = None
    action_text: str | None = None
    slots: tuple[tuple[str, SlotFeature], ...] = ()
    loop: str | None = None

    @property
    def is_start(self) -> bool:
        """Whether nothing has been done yet."""
        return self.action is None and self.action_text is None

    @property
    def after_listen(self) -> bool:
        """Whether it is the moment after the user spoke."""
        return self.action == ACTION_LISTEN

    @property
    def action_name(self) -> str | None:
        """The last action's name or text."""
        return self.action or self.action_text

    def as_dict(self) -> dict[str, Any]:
        """Rasa's form; empty parts are left out."""
        out: dict[str, Any] = {}
        user = _present(intent=self.intent, text=self.text, entities=list(self.entities) or None)
        action = _present(action_name=self.action, action_text=self.action_text)
        slots = {name: value if isinstance(value, str) else list(value) for name, value in self.slots}
        for key, part in (("user", user), ("prev_action", action), ("slots", slots)):
            if part:
                out[key] = part
        if self.loop:
            out["active_loop"] = {"name": self.loop}
        return out

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> State:
        """The state a JSON form stands for."""
        user, action = data.get("user") or {}, data.get("prev_action") or {}
        slots = ((n, v if isinstance(v, str) else tuple(v)) for n, v in (data.get("slots") or {}).items())
        return cls(
            intent=user.get("intent"),
            text=user.get("text"),
            entities=tuple(user.get("entities") or ()),
            action=action.get("action_name"),
            action_text=action.get("action_text"),
            slots=tuple(sorted(slots, key=lambda pair: pair[0])),
            loop=(data.get("active_loop") or {}).get("name"),
        )


START = State()
States = tuple[State, ...]


def _present(**parts: Any) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}


@cache
def state_text(state: State) -> str:
    """The JSON text of one state, keys sorted."""
    return json.dumps(state.as_dict(), sort_keys=True)


def states_text(states: Iterable[State]) -> str:
    """The JSON text of a list of states, keys sorted: the key of a rule or of a memorised history."""
    return "[" + ", ".join(state_text(state) for state in states) + "]"


def parse_states(text: str) -> States:
    """The states a JSON text stands for."""
    return tuple(State.from_dict(item) for item in json.loads(text))


def matches(rule: State, actual: State) -> bool:
    """Whether all that a rule's state says is so; what else there is does not matter.

    Two starts of a conversation always match, a start and anything else never.
    """
    rule_starts = rule.action is None and rule.action_text is None
    if rule_starts or (actual.action is None and actual.action_text is None):
        return rule_starts and actual.is_start
    if rule.action != actual.action and rule.action:
        return False
    if rule.action_text and rule.action_text != actual.action_text:
        return False
    if rule.intent and rule.intent != actual.intent:
        return False
    if rule.entities and rule.entities != actual.entities:
        return False
    if rule.text and rule.text != actual.text:
        return False
    if rule.loop and not _matches_loop(rule.loop, actual.loop):
        return False
    return not rule.slots or _matches_slots(rule.slots, actual.slots)


def _matches_loop(rule: str, actual: str | None) -> bool:
    if rule == SHOULD_NOT_BE_SET:
        return not actual or actual == SHOULD_NOT_BE_SET
    return rule == actual


def _matches_slots(
    rule: Sequence[tuple[str, SlotFeature]], actual: Sequence[tuple[str, SlotFeature]]
) -> bool:
    found = dict(actual)
    for name, wanted in rule:
        value = found.get(name)
        if wanted == SHOULD_NOT_BE_SET:
            if value and value != SHOULD_NOT_BE_SET:
                return False
        elif value != wanted:
            return False
    return True
