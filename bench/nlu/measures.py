"""Figures from parse results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shoptalk.core.training_data import Example

Span = tuple[int, int, str]


def accuracy(results: Sequence[dict[str, Any]], expected: Sequence[Example]) -> float:
    """Share of texts with the right intent, before any fallback."""
    return float(np.mean([top(r)[0] == e.intent for r, e in zip(results, expected, strict=True)]))


def top(result: dict[str, Any]) -> tuple[str | None, float]:
    """The best intent that is not the fallback, and its confidence."""
    ranking = [r for r in result.get("intent_ranking", [result["intent"]]) if r["name"] != "nlu_fallback"]
    return ranking[0]["name"], ranking[0]["confidence"]


def entity_f1(results: Sequence[dict[str, Any]], expected: Sequence[Example], *, strict: bool) -> float:
    """Micro-averaged F1 of entities.

    Strict: same span and type. Lenient: same type and at least one character in common, as the folds' own script
    counts (Vanzo et al. 2019).
    """
    right = found = gold = matched = 0
    for result, example in zip(results, expected, strict=True):
        given = {(e["start"], e["end"], e["entity"]) for e in result["entities"]}
        truth = {(s.start, s.end, s.entity) for s in example.entities}
        found, gold = found + len(given), gold + len(truth)
        if strict:
            right += len(given & truth)
            matched += len(given & truth)
        else:
            right += sum(_touches(one, truth) for one in given)
            matched += sum(_touches(one, given) for one in truth)
    precision, recall = right / max(found, 1), matched / max(gold, 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _touches(one: Span, others: set[Span]) -> bool:
    return any(one[2] == label and one[0] < end and start < one[1] for start, end, label in others)


def auroc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """Chance that a text of the assistant's scores higher than one that is not."""
    scores = np.concatenate([inside, outside])
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        same = scores == value
        ranks[same] = ranks[same].mean()
    count = len(inside)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(outside)))


def calibration(
    results: Sequence[dict[str, Any]], expected: Sequence[Example], bins: int = 10
) -> dict[str, Any]:
    """Expected calibration error, and confidence against accuracy per bin."""
    confidence = np.asarray([top(r)[1] for r in results])
    right = np.asarray([top(r)[0] == e.intent for r, e in zip(results, expected, strict=True)])
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    rows, error = [], 0.0
    for number in range(bins):
        inside = places == number
        if inside.any():
            rows.append([float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum())])
            error += abs(rows[-1][0] - rows[-1][1]) * inside.mean()
    return {"error": float(error), "bins": rows}
