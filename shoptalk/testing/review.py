"""What to do about the training data: confusions, doubtful labels, doubles, intents that are thin or monotonous."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from shoptalk.core.training_data import Example
from shoptalk.testing.nlu import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LEAST_EXAMPLES = 10
"""Fewer are too few for an intent."""
NEAR = 0.9
"""Cosine (after centring) from which two texts say the same in almost the same words."""
MONOTONOUS = 0.5
"""Share of near-copies within an intent from which its examples are too similar."""
RIVAL = 0.35
"""Share of an intent's examples that lie nearest to one and the same other intent, from which that is worth a look."""
NEIGHBOURS = 8
DOUBTFUL = 0.75
"""Share of neighbours, weighted by nearness, that must agree on another intent."""
SURE = 0.8
"""Confidence from which a wrong prediction speaks against the label."""
SHOWN = 50
EXAMPLES_SHOWN = 5
ROWS = 512


@dataclass(frozen=True, slots=True)
class Confusion:
    """Messages of one intent that were taken for another."""

    intent: str
    predicted: str
    count: int
    examples: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Doubt:
    """An example whose label may be wrong: what it looks like, and why."""

    text: str
    intent: str
    rather: str
    place: str
    share: float
    confidence: float | None
    nearest: str


@dataclass(frozen=True, slots=True)
class Double:
    """Two examples of different intents that say almost the same."""

    cosine: float
    text: str
    intent: str
    place: str
    other_text: str
    other_intent: str
    other_place: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One intent's examples.

    Args:
        copies: share of examples with a near-copy in the intent.
        overlap: share of examples whose nearest neighbour has another intent, and `rival`, which it mostly is.
    """

    intent: str
    count: int
    copies: float
    overlap: float
    rival: str | None
    advice: list[str]


@dataclass(frozen=True, slots=True)
class Review:
    """All of it; lists are sorted, the most urgent first."""

    confusions: list[Confusion]
    doubts: list[Doubt]
    doubles: list[Double]
    subjects: list[Subject]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def review(intents: Part | None, examples: Sequence[Example], vectors: Floats | None = None) -> Review:
    """Look at examples and at what a model made of them.

    Args:
        intents: the evaluation of intents, if there is one.
        examples: those that were judged.
        vectors: (N, D) a sentence vector of each example, or None to judge by predictions alone.
    """
    errors = intents.errors if intents else []
    named = [(place, e) for place, e in enumerate(examples) if e.intent]
    near = None
    if vectors is not None and len(named) > 1:
        near = _neighbours(vectors[[place for place, _ in named]], [e for _, e in named])
    chosen = [e for _, e in named]
    return Review(
        _confusions(errors),
        _doubts(chosen, errors, near),
        _doubles(chosen, near) if near else [],
        _subjects(chosen, near),
    )


@dataclass(frozen=True, slots=True)
class _Near:
    """By example: its neighbours, nearest first; (N, K) places and cosines."""

    places: Any
    cosines: Any


def sentence_vectors(pipeline: Any, texts: Sequence[str]) -> Floats | None:
    """Vectors of texts by a pipeline's featurizers, or None if it has none; training texts come from the cache."""
    import numpy as np

    blocks = [
        _narrow(pipeline.featurize(list(texts[i : i + ROWS]), bulk=True)) for i in range(0, len(texts), ROWS)
    ]
    return np.concatenate(blocks) if blocks and blocks[0].shape[1] else None


def _narrow(block: Floats) -> Floats:
    """Wide (sparse) features folded into 1024 columns."""
    width = block.shape[1] // 1024
    return block[:, : width * 1024].reshape(len(block), width, 1024).sum(axis=1) if width > 2 else block


def _neighbours(vectors: Floats, examples: Sequence[Example]) -> _Near:
    import numpy as np

    unit = vectors - vectors.mean(axis=0)
    unit = (unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    count = min(NEIGHBOURS, len(unit) - 1)
    places = np.zeros((len(unit), count), np.int64)
    cosines = np.zeros((len(unit), count), np.float32)
    for begin in range(0, len(unit), ROWS):
        block = unit[begin : begin + ROWS] @ unit.T
        block[np.arange(len(block)), np.arange(begin, begin + len(block))] = -2.0
        best = np.argpartition(-block, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(block, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        places[begin : begin + len(block)] = np.take_along_axis(best, order, axis=1)
        cosines[begin : begin + len(block)] = np.take_along_axis(values, order, axis=1)
    return _Near(places, cosines)


def _confusions(errors: Sequence[dict[str, Any]]) -> list[Confusion]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for error in errors:
        found[error["intent"], str(error["intent_prediction"]["name"])].append(error)
    out = [
        Confusion(
            intent,
            predicted,
            len(items),
            [
                {"text": item["text"], "confidence": round(item["intent_prediction"]["confidence"], 3)}
                for item in sorted(items, key=lambda item: -item["intent_prediction"]["confidence"])[
                    :EXAMPLES_SHOWN
                ]
            ],
        )
        for (intent, predicted), items in found.items()
    ]
    return sorted(out, key=lambda c: (-c.count, c.intent, c.predicted))


def _doubts(examples: Sequence[Example], errors: Sequence[dict[str, Any]], near: _Near | None) -> list[Doubt]:
    wrong = {(error["text"], error["intent"]): error["intent_prediction"] for error in errors}
    out: list[Doubt] = []
    for place, example in enumerate(examples):
        predicted = wrong.get((example.text, str(example.intent)), {})
        rather, share, nearest = _vote(place, examples, near) if near else (None, 0.0, "")
        sure = predicted.get("confidence", 0.0) >= SURE
        if near and not (
            rather and share >= DOUBTFUL and (not errors or predicted.get("name") in (rather, None))
        ):
            rather = None
        if rather is None and sure:
            rather = predicted["name"]
        if rather is not None and rather != example.intent:
            confidence = round(predicted["confidence"], 3) if predicted else None
            out.append(
                Doubt(
                    example.text,
                    str(example.intent),
                    rather,
                    str(example.source),
                    round(share, 3),
                    confidence,
                    nearest,
                )
            )
    return sorted(out, key=lambda d: (-(d.confidence or 0.0) - d.share, d.text))[:SHOWN]


def _vote(place: int, examples: Sequence[Example], near: _Near) -> tuple[str | None, float, str]:
    """The other intent most neighbours have, its share of them, and the nearest of these."""
    own = examples[place].intent
    weights: defaultdict[str, float] = defaultdict(float)
    for other, cosine in zip(near.places[place], near.cosines[place], strict=True):
        weights[str(examples[other].intent)] += max(0.0, float(cosine)) ** 2
    whole = sum(weights.values())
    if not whole:
        return None, 0.0, ""
    rather, weight = max(weights.items(), key=lambda item: item[1])
    if rather == own:
        return None, weight / whole, ""
    nearest = next(examples[i].text for i in near.places[place] if examples[i].intent == rather)
    return rather, weight / whole, nearest


def _doubles(examples: Sequence[Example], near: _Near) -> list[Double]:
    seen: set[tuple[int, int]] = set()
    out: list[Double] = []
    for place, example in enumerate(examples):
        for other, cosine in zip(near.places[place].tolist(), near.cosines[place].tolist(), strict=True):
            pair = (min(place, other), max(place, other))
            if cosine < NEAR or pair in seen or examples[other].intent == example.intent:
                continue
            seen.add(pair)
            a, b = examples[pair[0]], examples[pair[1]]
            out.append(
                Double(
                    round(cosine, 3),
                    a.text,
                    str(a.intent),
                    str(a.source),
                    b.text,
                    str(b.intent),
                    str(b.source),
                )
            )
    return sorted(out, key=lambda d: (not _same(d.text, d.other_text), -d.cosine, d.text))[:SHOWN]


def _same(a: str, b: str) -> bool:
    return _plain(a) == _plain(b)


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", unicodedata.normalize("NFKC", text).lower())


def _subjects(examples: Sequence[Example], near: _Near | None) -> list[Subject]:
    by_intent: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        by_intent[str(example.intent)].append(place)
    out = [_subject(intent, places, examples, near) for intent, places in by_intent.items()]
    return sorted(out, key=lambda s: (-len(s.advice), -s.overlap, s.intent))


def _subject(intent: str, places: list[int], examples: Sequence[Example], near: _Near | None) -> Subject:
    copies = overlap = 0
    rivals: Counter[str] = Counter()
    for place in places if near else ():
        assert near is not None
        first = near.places[place][0]
        if examples[first].intent != intent:
            overlap += 1
            rivals[str(examples[first].intent)] += 1
        copies += any(
            examples[other].intent == intent and cosine >= NEAR
            for other, cosine in zip(near.places[place], near.cosines[place], strict=True)
        )
    count = len(places)
    advice: list[str] = []
    if count < LEAST_EXAMPLES:
        advice.append(f"too few examples: write at least {LEAST_EXAMPLES - count} more")
    if count >= 4 and copies / count >= MONOTONOUS:
        advice.append("too similar: most examples have a near-copy; say it in other words")
    rival, beside = rivals.most_common(1)[0] if rivals else (None, 0)
    if beside / count >= RIVAL:
        advice.append(f"lies among {rival}: say in the examples what sets the two apart")
    return Subject(intent, count, round(copies / count, 3), round(overlap / count, 3), rival, advice)
