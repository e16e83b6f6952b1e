"""Why a message was understood as it was: what each component said, and what each word weighs.

The weight of a word is what leaving it out takes from the confidence of an intent, in all the pipeline; so it holds
for every classifier, and it is exact. A message costs one more parse a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoptalk.core.domain import INTENT_FALLBACK
from shoptalk.nlu.message import Message

if TYPE_CHECKING:
    from shoptalk.nlu.pipeline import Pipeline

MOST_PIECES = 32
"""A longer text is weighed in pieces of several words."""

MOST_CHARACTERS = 600
"""The words of a longer text are not weighed: that would take as long as some dozens of long messages."""

SILENT_KEYS = ("text_tokens",)


@dataclass(frozen=True, slots=True)
class Before:
    """What a message was before a component worked on it."""

    intent: dict[str, Any] | None
    entities: list[dict[str, Any]]
    output: dict[str, Any]

    @classmethod
    def of(cls, message: Message) -> Before:
        """A copy of what may change."""
        return cls(deepcopy(message.intent), deepcopy(message.entities), dict(message.output))


def note_step(message: Message, before: Before, name: str, ms: float) -> None:
    """Add to a message's notes what a component changed in it."""
    step: dict[str, Any] = {"component": name, "ms": round(ms, 3)}
    if message.intent is not None and message.intent != before.intent:
        step["intent"] = {
            "name": message.intent["name"],
            "confidence": _rounded(message.intent["confidence"]),
        }
    found = [_entity(entity, message.text) for entity in message.entities if entity not in before.entities]
    if found:
        step["entities"] = found
    gone = len(before.entities) + len(found) - len(message.entities)
    if gone > 0 and not _rewritten(before, message):
        step["removed"] = gone
    step.update(
        {k: v for k, v in message.output.items() if k not in SILENT_KEYS and before.output.get(k) != v}
    )
    message.notes.setdefault("steps", []).append(step)


def explain(pipeline: Pipeline, result: dict[str, Any]) -> None:
    """Add to a parse result with notes what decided: words, the two intents compared, thresholds."""
    notes = result["explain"]
    ranking = [r for r in result.get("intent_ranking") or [] if r["name"] != INTENT_FALLBACK][:2]
    if not ranking and (result.get("intent") or {}).get("name"):
        ranking = [result["intent"]]
    notes["intents"] = [{"name": r["name"], "confidence": _rounded(r["confidence"])} for r in ranking]
    notes["margin"] = (
        _rounded(ranking[0]["confidence"] - ranking[1]["confidence"]) if len(ranking) > 1 else None
    )
    notes["thresholds"] = thresholds(pipeline, result)
    nearest: list[Any] = next(
        (n["nearest"] for n in notes.values() if isinstance(n, dict) and n.get("nearest")), []
    )
    notes["nearest"] = nearest
    notes["words"] = words(pipeline, result["text"], result.get("text_tokens") or (), ranking)


def thresholds(pipeline: Pipeline, result: dict[str, Any]) -> dict[str, Any]:
    """The limits below which the pipeline asks back, as they hold for this message."""
    out: dict[str, Any] = {}
    for step in pipeline.steps:
        options = getattr(step.component, "options", {})
        for key in ("threshold", "ambiguity_threshold", "scope_threshold"):
            if step.name == "FallbackClassifier" and options.get(key) is not None:
                out[key] = options[key]
    if out.get("scope_threshold") == "auto":
        out["scope_threshold"] = (result.get("scope") or {}).get("threshold")
    return out


def words(
    pipeline: Pipeline, text: str, offsets: Sequence[Sequence[int]], ranking: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What each word adds to the confidence of intents.

    Args:
        pipeline: parses the text without each of them.
        text: of the message.
        offsets: of its words.
        ranking: the intents to explain, with their confidence.

    Returns:
        {"text", "start", "end", "weights": {intent: from -1 to 1}} a piece, in order.
    """
    pieces = _pieces(offsets)
    if len(pieces) < 2 or not ranking or len(text) > MOST_CHARACTERS:
        return []
    rests = [" ".join((text[:start] + " " + text[end:]).split()) for start, end in pieces]
    out = []
    for (start, end), rest in zip(pieces, pipeline.parse(rests), strict=True):
        without = {r["name"]: r["confidence"] for r in rest.get("intent_ranking") or [rest["intent"]]}
        weights = {r["name"]: _rounded(r["confidence"] - without.get(r["name"], 0.0)) for r in ranking}
        out.append({"text": text[start:end], "start": start, "end": end, "weights": weights})
    return out


def _pieces(offsets: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    size = -(-len(offsets) // MOST_PIECES) or 1
    groups = [offsets[i : i + size] for i in range(0, len(offsets), size)]
    return [(int(group[0][0]), int(group[-1][1])) for group in groups]


def _rewritten(before: Before, message: Message) -> bool:
    return len(message.entities) >= len(before.entities)


def _entity(entity: dict[str, Any], text: str) -> dict[str, Any]:
    out = {
        "entity": entity["entity"],
        "text": text[entity["start"] : entity["end"]],
        "value": entity["value"],
    }
    for key in ("role", "group", "additional_info"):
        if entity.get(key) is not None:
            out[key] = entity[key]
    if entity.get("confidence_entity") is not None:
        out["confidence"] = _rounded(entity["confidence_entity"])
    return out


def _rounded(value: float) -> float:
    return round(float(value), 4)
