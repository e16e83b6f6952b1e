"""What NLU learns from: example texts, synonyms, patterns, lookup tables, retrieval responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was read: a file and a line counted from 1."""

    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Source()


@dataclass(frozen=True, slots=True)
class EntitySpan:
    """An annotated piece of a text.

    Args:
        start, end: character offsets, half-open.
        entity: its type.
        value: what it stands for; the surface text unless annotated otherwise.
        role, group: finer distinctions inside one type.
    """

    start: int
    end: int
    entity: str
    value: str
    role: str | None = None
    group: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Rasa's form of a training entity."""
        out: dict[str, Any] = {
            "start": self.start,
            "end": self.end,
            "value": self.value,
            "entity": self.entity,
        }
        if self.role is not None:
            out["role"] = self.role
        if self.group is not None:
            out["group"] = self.group
        return out


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its meaning. `response_key` is the full name of a retrieval intent ("faq/returns")."""

    text: str
    intent: str | None = None
    response_key: str | None = None
    entities: tuple[EntitySpan, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A named regular expression."""

    name: str
    pattern: str
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A named list of values."""

    name: str
    elements: tuple[str, ...]
    source: Source = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything of a project's `nlu:` sections.

    `responses` maps `utter_<retrieval intent>/<key>` to its variations, for response selection.
    """

    examples: tuple[Example, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    regexes: tuple[Pattern, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    responses: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)

    def merge(self, others: Iterable[TrainingData]) -> TrainingData:
        """This and `others` as one; identical examples are kept once, a later synonym wins."""
        parts = [self, *others]
        synonyms: dict[str, str] = {}
        responses: dict[str, list[dict[str, Any]]] = {}
        for part in parts:
            synonyms.update(part.synonyms)
            responses.update(part.responses)
        regexes = {(p.name, p.pattern): p for part in parts for p in part.regexes}
        return TrainingData(
            examples=_unique(example for part in parts for example in part.examples),
            synonyms=synonyms,
            regexes=tuple(regexes[key] for key in sorted(regexes)),
            lookups=tuple(lookup for part in parts for lookup in part.lookups),
            responses=responses,
        )

    def without_responses(self) -> TrainingData:
        """The same data with no retrieval responses."""
        return replace(self, responses={})

    @property
    def intents(self) -> set[str]:
        """Names of all intents that have an example."""
        return {e.intent for e in self.examples if e.intent}

    @property
    def entity_names(self) -> set[str]:
        """Names of all annotated entity types."""
        return {span.entity for e in self.examples for span in e.entities}

    @property
    def retrieval_intents(self) -> set[str]:
        """Intents that have sub-intents."""
        return {e.response_key.split("/")[0] for e in self.examples if e.response_key}


def _unique(examples: Iterable[Example]) -> tuple[Example, ...]:
    seen: dict[tuple[Any, ...], Example] = {}
    for example in examples:
        seen.setdefault((example.text, example.intent, example.response_key, example.entities), example)
    return tuple(seen.values())
