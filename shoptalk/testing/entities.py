"""Entities compared in two ways: token by token as Rasa does, and span by span, which is what a reader means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoptalk.testing.metrics import Score

NO_ENTITY = "no_entity"
UNTRAINED = (
    "DucklingEntityExtractor",
    "DucklingHTTPExtractor",
    "SpacyEntityExtractor",
    "LanguageIdentifier",
    "SentimentClassifier",
)
"""Extractors that learn nothing from the project and are not judged by it."""

Entity = Mapping[str, Any]
Offsets = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class EntityResult:
    """One text with what is in it and what was found.

    Args:
        text: of the message.
        targets, predictions: entities in Rasa's form.
        tokens: half-open character offsets.
    """

    text: str
    targets: Sequence[Entity]
    predictions: Sequence[Entity]
    tokens: Offsets

    def found_by(self, extractor: str) -> list[Entity]:
        """What one extractor found."""
        return [entity for entity in self.predictions if entity.get("extractor") == extractor]


def label_of(entity: Entity) -> str:
    """`entity[.group][.role]`."""
    parts = [entity.get("entity"), entity.get("group"), entity.get("role")]
    return ".".join(str(part) for part in parts if part)


def token_labels(tokens: Offsets, entities: Sequence[Entity]) -> list[str]:
    """The label of each token: that of the first entity it lies in, else `no_entity`."""
    placed = [entity for entity in entities if entity.get("start") is not None]
    out = []
    for start, end in tokens:
        inside = (e for e in placed if start >= e["start"] and end <= e["end"])
        entity = next(inside, None)
        out.append(NO_ENTITY if entity is None else label_of(entity))
    return out


def by_token(results: Sequence[EntityResult], extractor: str) -> tuple[list[str], list[str]]:
    """Labels of all tokens of all texts: those that are right, those an extractor gave."""
    targets: list[str] = []
    predictions: list[str] = []
    for result in results:
        targets += token_labels(result.tokens, result.targets)
        predictions += token_labels(result.tokens, result.found_by(extractor))
    return targets, predictions


def spans_of(entities: Sequence[Entity]) -> set[tuple[int, int, str]]:
    """Start, end and label of every entity; two extractors that agree count once."""
    return {(e["start"], e["end"], label_of(e)) for e in entities if e.get("start") is not None}


def by_span(results: Sequence[EntityResult]) -> dict[str, Score]:
    """Counts of exact spans with the right label, of all extractors together, by label."""
    hits: dict[str, int] = {}
    predicted: dict[str, int] = {}
    actual: dict[str, int] = {}
    for result in results:
        right = spans_of(result.targets)
        found = spans_of([e for e in result.predictions if e.get("extractor") not in UNTRAINED])
        for counts, spans in ((hits, right & found), (predicted, found), (actual, right)):
            for _, _, label in spans:
                counts[label] = counts.get(label, 0) + 1
    return {
        label: Score(hits.get(label, 0), predicted.get(label, 0), actual.get(label, 0))
        for label in sorted({*predicted, *actual})
    }
