"""Precision, recall and F1 by label, in the JSON that scikit-learn and Rasa give them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CONFUSIONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one label, and what follows from them."""

    hits: int = 0
    predicted: int = 0
    actual: int = 0

    @property
    def precision(self) -> float:
        """Share of what was predicted that is right; 0 when nothing was."""
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of what there is that was found; 0 when there is nothing."""
        return self.hits / self.actual if self.actual else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.predicted + self.actual
        return 2 * self.hits / both if both else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The entry of a report."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1-score": self.f1,
            "support": self.actual,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How predictions compare with what is right.

    Args:
        report: by label and on average, as Rasa's `*_report.json`.
        precision, f1: averages weighted by support.
        accuracy: share of equal pairs, of all pairs.
        labels: of the confusion matrix, sorted.
        matrix: rows what is right, columns what was predicted.
    """

    report: dict[str, Any]
    precision: float
    f1: float
    accuracy: float
    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


def evaluate(targets: Sequence[str], predictions: Sequence[str], exclude: str | None = None) -> Evaluation:
    """Compare predictions with targets, pair by pair.

    Args:
        targets, predictions: of equal length.
        exclude: a label that gets no line of its own and does not count in averages (as `no_entity`).
    """
    pairs = Counter(zip(targets, predictions, strict=True))
    scores = score_labels(pairs, exclude)
    labels = tuple(sorted({*targets, *predictions}))
    matrix = tuple(tuple(pairs[row, column] for column in labels) for row in labels)
    accuracy = sum(n for (a, b), n in pairs.items() if a == b) / len(targets) if targets else 0.0
    if not scores:
        return Evaluation({}, 0.0, 0.0, accuracy if targets else 0.0, labels, matrix)
    report: dict[str, Any] = {label: score.as_dict() for label, score in scores.items()}
    for label in scores:
        report[label]["confused_with"] = _confusions(pairs, label, exclude)
    weighted = _average(list(scores.values()), weighted=True)
    report["accuracy"] = accuracy
    report["macro avg"] = _average(list(scores.values()), weighted=False)
    report["weighted avg"] = weighted
    report["micro avg"] = micro(scores).as_dict()
    return Evaluation(report, weighted["precision"], weighted["f1-score"], accuracy, labels, matrix)


def score_labels(pairs: Mapping[tuple[str, str], int], exclude: str | None = None) -> dict[str, Score]:
    """Counts of every label there is in the targets, sorted by name."""
    hits: dict[str, int] = defaultdict(int)
    predicted: dict[str, int] = defaultdict(int)
    actual: dict[str, int] = defaultdict(int)
    for (target, prediction), count in pairs.items():
        actual[target] += count
        predicted[prediction] += count
        hits[target] += count if target == prediction else 0
    return {
        label: Score(hits[label], predicted[label], actual[label])
        for label in sorted(actual)
        if label != exclude
    }


def micro(scores: Mapping[str, Score]) -> Score:
    """All labels as one."""
    values = scores.values()
    return Score(sum(s.hits for s in values), sum(s.predicted for s in values), sum(s.actual for s in values))


def _average(scores: Sequence[Score], *, weighted: bool) -> dict[str, Any]:
    total = sum(score.actual for score in scores)
    weights = [score.actual if weighted else 1 for score in scores]
    over = sum(weights) or 1

    def mean(name: str) -> float:
        return float(sum(w * getattr(s, name) for s, w in zip(scores, weights, strict=True)) / over)

    return {
        "precision": mean("precision"),
        "recall": mean("recall"),
        "f1-score": mean("f1"),
        "support": total,
    }


def _confusions(pairs: Mapping[tuple[str, str], int], label: str, exclude: str | None) -> dict[str, int]:
    wrong = [(count, other) for (target, other), count in pairs.items() if target == label != other and count]
    best = sorted((entry for entry in wrong if entry[1] != exclude), key=lambda entry: (-entry[0], entry[1]))
    return {other: count for count, other in best[:CONFUSIONS_SHOWN]}
