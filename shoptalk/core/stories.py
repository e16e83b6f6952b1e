"""Training conversations (stories) and always-true fragments (rules), as written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoptalk.core.training_data import NOWHERE, EntitySpan, Source


@dataclass(frozen=True, slots=True)
class UserStep:
    """The user says something: an intent with entities, or (end to end) a text alone.

    `entities` are the labels a state sees: dicts with entity, value and perhaps role and group.
    `text` is plain; `spans` are the entities marked in it.
    """

    intent: str | None = None
    text: str | None = None
    entities: tuple[Mapping[str, Any], ...] = ()
    spans: tuple[EntitySpan, ...] = ()
    full_retrieval_intent: str | None = None
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ActionStep:
    """The assistant acts: by name, or (end to end) by a text."""

    name: str | None = None
    text: str | None = None
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SlotStep:
    """A slot has a value. `has_value` is False for a bare name."""

    name: str
    value: Any = None
    has_value: bool = True
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LoopStep:
    """A loop is active from here, or with no name none is."""

    name: str | None
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class EventStep:
    """An event written as an action's name (restart, rewind, reset_slots, …)."""

    kind: str
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class CheckpointStep:
    """Joins stories by name. `conditions` prune conversations that arrive with other slot values."""

    name: str
    conditions: tuple[tuple[str, Any], ...] = ()
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class OrStep:
    """Any of several user steps or slot steps."""

    alternatives: tuple[UserStep | SlotStep, ...]
    source: Source = field(default=NOWHERE, compare=False)


Step = UserStep | ActionStep | SlotStep | LoopStep | EventStep | CheckpointStep | OrStep


@dataclass(frozen=True, slots=True)
class Story:
    """A training conversation."""

    name: str
    steps: tuple[Step, ...]
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """A fragment that always holds.

    Args:
        condition: slots and loops that must be so (None: must not be set).
        conversation_start: it holds only at the beginning.
        wait_for_user_input: after its last step the assistant listens.
    """

    name: str
    steps: tuple[Step, ...]
    condition: tuple[SlotStep | LoopStep, ...] = ()
    conversation_start: bool = False
    wait_for_user_input: bool = True
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class StoryData:
    """All stories and rules of a project, in the order of sorted file paths."""

    stories: tuple[Story, ...] = ()
    rules: tuple[Rule, ...] = ()
