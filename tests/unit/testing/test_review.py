"""The review of training data: what it finds in data made to have it, and the page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoptalk.core.training_data import Example, Source
from shoptalk.testing import page
from shoptalk.testing.metrics import evaluate
from shoptalk.testing.nlu import NluEvaluation, Part
from shoptalk.testing.reports import ReportOptions, write_review
from shoptalk.testing.review import Review, review


def point(*parts: float) -> list[float]:
    return [*parts, *([0.0] * (4 - len(parts)))]


ROWS: list[tuple[str, str, list[float]]] = [
    *((f"status {n}", "status", point(1.0, n / 3)) for n in range(12)),
    *((f"refund {n}", "refund", point(-1.0, 0.0, n / 3)) for n in range(11)),
    ("where is my parcel", "refund", point(1.0, 1.2)),
    ("Money back?", "refund", point(-1.0, 0.0, 0.0, 3.0)),
    ("money back", "status", point(-1.0, 0.0, 0.0, 3.01)),
    ("hello", "greet", point(0.0, -5.0, -5.0)),
    ("hello!", "greet", point(0.0, -5.0, -5.01)),
    ("hello.", "greet", point(0.0, -5.0, -5.02)),
    ("hullo", "greet", point(0.0, -5.0, -5.03)),
]
EXAMPLES = [
    Example(text, intent, source=Source("data/nlu.yml", number))
    for number, (text, intent, _) in enumerate(ROWS, 1)
]
VECTORS = np.asarray([row[2] for row in ROWS], np.float32)
ERRORS: list[dict[str, Any]] = [
    {
        "text": "where is my parcel",
        "intent": "refund",
        "intent_prediction": {"name": "status", "confidence": 0.97},
    },
    {"text": "refund 3", "intent": "refund", "intent_prediction": {"name": "greet", "confidence": 0.4}},
    {"text": "refund 4", "intent": "refund", "intent_prediction": {"name": "greet", "confidence": 0.5}},
]


@pytest.fixture(scope="module")
def found() -> Review:
    return review(Part(evaluate(["refund"], ["status"]), ERRORS, []), EXAMPLES, VECTORS)


def test_confusions_come_with_their_examples_the_most_frequent_first(found: Review) -> None:
    assert [(c.intent, c.predicted, c.count) for c in found.confusions] == [
        ("refund", "greet", 2),
        ("refund", "status", 1),
    ]
    assert found.confusions[0].examples[0] == {"text": "refund 4", "confidence": 0.5}


def test_a_wrong_label_is_doubted_with_its_place(found: Review) -> None:
    doubt = found.doubts[0]
    assert (doubt.text, doubt.intent, doubt.rather) == ("where is my parcel", "refund", "status")
    assert doubt.place == "data/nlu.yml:24"
    assert doubt.confidence == 0.97
    assert doubt.nearest.startswith("status")


def test_doubles_across_intents_are_found(found: Review) -> None:
    double = found.doubles[0]
    assert {double.text, double.other_text} == {"Money back?", "money back"}
    assert {double.intent, double.other_intent} == {"refund", "status"}


def test_thin_and_monotonous_intents_get_advice(found: Review) -> None:
    subjects = {subject.intent: subject for subject in found.subjects}
    advice = " ".join(subjects["greet"].advice)
    assert "at least 6 more" in advice
    assert "too similar" in advice
    assert subjects["greet"].copies == 1.0
    assert not any("too few" in line for line in subjects["refund"].advice)


def test_without_vectors_the_model_alone_speaks() -> None:
    alone = review(Part(evaluate(["refund"], ["status"]), ERRORS, []), EXAMPLES)
    assert [doubt.rather for doubt in alone.doubts] == ["status"]
    assert alone.doubles == []


def test_nothing_to_say_of_nothing(tmp_path: Path) -> None:
    empty = review(None, [], None)
    page.write(tmp_path / "index.html", "Nothing", NluEvaluation(None), None, empty)
    assert "Nothing stands out" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_it_is_written_as_json_picture_and_page(found: Review, tmp_path: Path) -> None:
    write_review(found, ReportOptions(tmp_path))
    assert (tmp_path / "review.json").stat().st_size > 500
    assert (tmp_path / "review_intents.png").read_bytes().startswith(b"\x89PNG")
    page.write(tmp_path / "index.html", "Test", None, None, found)
    shown = (tmp_path / "index.html").read_text(encoding="utf-8")
    for part in (
        "Intents that need work",
        "Confusions",
        "Labels to check",
        "Almost the same",
        "review_intents.png",
    ):
        assert part in shown


def test_texts_are_escaped(tmp_path: Path) -> None:
    bad = [
        {"text": "<script>1</script>", "intent": "a", "intent_prediction": {"name": "b", "confidence": 0.9}}
    ]
    found = review(Part(evaluate(["a"], ["b"]), bad, []), [Example("<script>1</script>", "a")])
    page.write(tmp_path / "index.html", "Test", None, None, found)
    assert "<script>" not in (tmp_path / "index.html").read_text(encoding="utf-8")
