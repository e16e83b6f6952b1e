"""Understanding, measured on annotated examples: intents, entities, retrieval responses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shoptalk.core.domain import INTENT_FALLBACK
from shoptalk.core.training_data import Example
from shoptalk.testing.entities import NO_ENTITY, UNTRAINED, EntityResult, by_span, by_token, token_labels
from shoptalk.testing.metrics import Evaluation, Score, evaluate

BATCH = 64
CHANGERS = ("EntitySynonymMapper", "EntityNormalizer")
"""Components that change entities of others and find none."""


class Understands(Protocol):
    """Whatever parses texts; a trained pipeline does."""

    def parse(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Rasa's parse results, one a text."""
        ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """An example with what was made of it; `intent` and `confidence` without fallback."""

    example: Example
    parse: Mapping[str, Any]
    intent: str | None
    confidence: float
    response_key: str | None = None
    response_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One report: its figures, and the items that are wrong and right, as JSON."""

    evaluation: Evaluation
    errors: list[dict[str, Any]]
    successes: list[dict[str, Any]]
    confidences: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))


@dataclass(frozen=True, slots=True)
class NluEvaluation:
    """What an evaluation of understanding found.

    Args:
        intents: None with fewer than two intents in the data.
        extractors: by name of the extractor, token by token.
        spans: counts of exact entity spans, of all extractors together, by label.
        responses: of retrieval intents; None with fewer than two keys.
        count: examples looked at.
    """

    intents: Part | None
    extractors: dict[str, Part] = field(default_factory=dict)
    spans: dict[str, Score] = field(default_factory=dict)
    responses: Part | None = None
    count: int = 0


def extractors_of(pipeline: Any) -> list[str]:
    """Names of the extractors of a pipeline that are judged, in its order."""
    names: list[str] = []
    for step in pipeline.steps:
        name = type(step.component).__name__
        if "entities" in step.component.provides and name not in (*UNTRAINED, *CHANGERS):
            names.append(name)
    return list(dict.fromkeys(names))


def parse_examples(
    model: Understands, examples: Sequence[Example], progress: Callable[[int, int], None] | None = None
) -> list[Parsed]:
    """What a model makes of examples, in batches."""
    out: list[Parsed] = []
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        if progress is not None:
            progress(start, len(examples))
        results = model.parse([example.text for example in batch])
        out += [_parsed(example, result) for example, result in zip(batch, results, strict=True)]
    return out


def evaluate_nlu(parsed: Sequence[Parsed], extractors: Sequence[str]) -> NluEvaluation:
    """Figures of what was understood.

    Args:
        parsed: see `parse_examples`.
        extractors: names of those that are judged.
    """
    named = [p for p in parsed if p.example.intent]
    intents = _intents(named) if len({p.example.intent for p in named}) > 1 else None
    results = [_entity_result(p) for p in parsed]
    has_entities = any(result.targets for result in results)
    keyed = [p for p in parsed if p.example.response_key]
    return NluEvaluation(
        intents=intents,
        extractors={name: _extractor(results, name) for name in extractors} if has_entities else {},
        spans=by_span(results) if has_entities else {},
        responses=_responses(keyed) if len({p.example.response_key for p in keyed}) > 1 else None,
        count=len(parsed),
    )


def _parsed(example: Example, result: Mapping[str, Any]) -> Parsed:
    winner = result.get("intent") or {}
    ranking = result.get("intent_ranking") or []
    if winner.get("name") == INTENT_FALLBACK and len(ranking) > 1:
        winner = ranking[1]
    key, confidence = _selected(example, result)
    return Parsed(
        example, result, winner.get("name"), float(winner.get("confidence") or 0.0), key, confidence
    )


def _selected(example: Example, result: Mapping[str, Any]) -> tuple[str | None, float]:
    """The retrieval key a selector chose: the one for the intent, else the one for all."""
    selector = result.get("response_selector") or {}
    found = selector.get(example.intent or "") or selector.get("default") or {}
    best = found.get("response") or {}
    return best.get("intent_response_key"), float(best.get("confidence") or 0.0)


def _entity_result(parsed: Parsed) -> EntityResult:
    return EntityResult(
        text=parsed.example.text,
        targets=[span.as_dict() for span in parsed.example.entities],
        predictions=list(parsed.parse.get("entities") or []),
        tokens=parsed.parse.get("text_tokens") or (),
    )


def _intents(parsed: Sequence[Parsed]) -> Part:
    errors: list[dict[str, Any]] = []
    successes: list[dict[str, Any]] = []
    for p in parsed:
        item = {
            "text": p.example.text,
            "intent": p.example.intent,
            "intent_prediction": {"name": p.intent, "confidence": p.confidence},
        }
        (successes if p.intent == p.example.intent else errors).append(item)
    evaluation = evaluate([str(p.example.intent) for p in parsed], [str(p.intent) for p in parsed])
    return Part(
        evaluation, errors, successes, _split((p.intent == p.example.intent, p.confidence) for p in parsed)
    )


def _responses(parsed: Sequence[Parsed]) -> Part:
    errors: list[dict[str, Any]] = []
    successes: list[dict[str, Any]] = []
    for p in parsed:
        item = {
            "text": p.example.text,
            "intent_response_key_target": p.example.response_key,
            "intent_response_key_prediction": {"name": p.response_key, "confidence": p.response_confidence},
        }
        (successes if p.response_key == p.example.response_key else errors).append(item)
    evaluation = evaluate(
        [str(p.example.response_key) for p in parsed], [str(p.response_key) for p in parsed]
    )
    confidences = _split((p.response_key == p.example.response_key, p.response_confidence) for p in parsed)
    return Part(evaluation, errors, successes, confidences)


def _extractor(results: Sequence[EntityResult], name: str) -> Part:
    errors: list[dict[str, Any]] = []
    successes: list[dict[str, Any]] = []
    confidences: list[tuple[bool, float]] = []
    for result in results:
        found = result.found_by(name)
        targets = token_labels(result.tokens, result.targets)
        predictions = token_labels(result.tokens, found)
        item = {
            "text": result.text,
            "entities": [dict(entity) for entity in result.targets],
            "predicted_entities": [dict(entity) for entity in found],
        }
        if targets != predictions:
            errors.append(item)
        elif result.targets:
            successes.append(item)
        right = {(e["start"], e["end"], e["entity"]) for e in result.targets}
        confidences += [
            ((e["start"], e["end"], e["entity"]) in right, float(e["confidence_entity"]))
            for e in found
            if "confidence_entity" in e
        ]
    evaluation = evaluate(*by_token(results, name), exclude=NO_ENTITY)
    return Part(evaluation, errors, successes, _split(confidences))


def _split(pairs: Iterable[tuple[bool, float]]) -> tuple[list[float], list[float]]:
    """Confidences of what is right, and of what is wrong."""
    right: list[float] = []
    wrong: list[float] = []
    for is_right, confidence in pairs:
        (right if is_right else wrong).append(confidence)
    return right, wrong
