"""Figures against hand-worked ones and against scikit-learn's."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import classification_report

from shoptalk.testing.entities import EntityResult, by_span, by_token
from shoptalk.testing.metrics import evaluate, micro


def test_reports_agree_with_scikit_learn() -> None:
    chance = random.Random(5)
    targets = [chance.choice("abcd") for _ in range(200)]
    predictions = [t if chance.random() < 0.7 else chance.choice("abcd") for t in targets]
    found = evaluate(targets, predictions)
    wanted = classification_report(targets, predictions, output_dict=True)
    for label in (*"abcd", "macro avg", "weighted avg"):
        for figure, value in wanted[label].items():
            assert found.report[label][figure] == pytest.approx(value), (label, figure)
    assert found.report["accuracy"] == found.accuracy == pytest.approx(wanted["accuracy"])
    assert found.report["micro avg"]["f1-score"] == pytest.approx(wanted["accuracy"])


def test_confusions_name_the_three_most_frequent() -> None:
    targets = ["a"] * 12 + ["b"]
    predictions = ["a", "b", "b", "b", "c", "c", "d", "e", "e", "e", "e", "a", "b"]
    report = evaluate(targets, predictions).report
    assert report["a"]["confused_with"] == {"e": 4, "b": 3, "c": 2}
    assert report["b"]["confused_with"] == {}


def test_an_excluded_label_counts_nowhere() -> None:
    found = evaluate(["o", "o", "x", "y"], ["o", "x", "x", "o"], exclude="o")
    assert "o" not in found.report
    assert found.report["micro avg"] == {
        "precision": 0.5,
        "recall": 0.5,
        "f1-score": 0.5,
        "support": 2,
    }
    assert found.report["y"]["confused_with"] == {}


def test_nothing_to_compare_is_no_error() -> None:
    assert evaluate([], []).report == {}
    assert evaluate(["o"], ["o"], exclude="o").report == {}


def _entity(start: int, end: int, name: str, extractor: str | None = None, **more: str) -> dict[str, object]:
    entity: dict[str, object] = {"start": start, "end": end, "entity": name, **more}
    return {**entity, "extractor": extractor} if extractor else entity


def test_half_a_span_counts_by_token_and_not_by_span() -> None:
    text, tokens = "to New York now", [(0, 2), (3, 6), (7, 11), (12, 15)]
    result = EntityResult(
        text, [_entity(3, 11, "city", role="to")], [_entity(7, 11, "city", "D", role="to")], tokens
    )
    targets, predictions = by_token([result], "D")
    assert targets == ["no_entity", "city.to", "city.to", "no_entity"]
    assert predictions == ["no_entity", "no_entity", "city.to", "no_entity"]
    assert micro(by_span([result])).f1 == 0.0


def test_extractors_that_agree_count_once_and_untrained_ones_not_at_all() -> None:
    found = [
        _entity(0, 4, "city", "D"),
        _entity(0, 4, "city", "R"),
        _entity(5, 7, "time", "DucklingEntityExtractor"),
    ]
    score = micro(by_span([EntityResult("Rome at", [_entity(0, 4, "city")], found, [(0, 4), (5, 7)])]))
    assert (score.hits, score.predicted, score.actual) == (1, 1, 1)
