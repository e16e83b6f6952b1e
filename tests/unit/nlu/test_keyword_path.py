"""Keywords, patterns, synonyms and fallback: what real Rasa 3.6 answered on the same data."""

from __future__ import annotations

from typing import Any

import pytest
from nlu_kit import trained

from shoptalk.core.training_data import EntitySpan, Example, Lookup, Pattern, TrainingData
from shoptalk.errors import DataError
from shoptalk.nlu.pipeline import Pipeline

NAMES: list[Any] = [
    "WhitespaceTokenizer", "KeywordIntentClassifier", "RegexEntityExtractor", "EntitySynonymMapper", "FallbackClassifier",
]  # fmt: skip


def training() -> TrainingData:
    def one(text: str, intent: str, *spans: tuple[int, int, str, str]) -> Example:
        return Example(text, intent, entities=tuple(EntitySpan(*span) for span in spans))

    return TrainingData(
        examples=(
            one("hello", "hi"),
            one("i want to order", "order"),
            one("order red things", "order", (6, 9, "colour", "red")),
            one("order some crimson things", "order", (11, 18, "colour", "red")),
            one("from Paris", "inform", (5, 10, "city", "Paris")),
            one("make it nine", "inform", (8, 12, "number", "nine")),
            one("i tell you red", "tell", (11, 14, "colour", "red")),
        ),
        synonyms={"crimson": "red", "Scarlet": "red", "christiania": "Oslo"},
        regexes=(Pattern("number", r"\b\d+(\.\d+)?\b"), Pattern("zip", r"\d{5}")),
        lookups=(
            Lookup("colour", ("red", "crimson", "scarlet", "Green", "light green")),
            Lookup("city", ("Paris", "Oslo", "christiania")),
        ),
    )


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return trained(NAMES, training())


CASES: list[tuple[str, str, float, list[tuple[str, int, int, str]]]] = [
    ("i want to order", "order", 1.0, []),
    ("crimson", "nlu_fallback", 0.3, [("colour", 0, 7, "red")]),
    ("make it 9", "nlu_fallback", 0.3, [("number", 8, 9, "9")]),
    ("from Paris to christiania", "inform", 1.0, [("city", 5, 10, "Paris"), ("city", 14, 25, "Oslo")]),
    ("order SCARLET things", "nlu_fallback", 0.3, [("colour", 6, 13, "red")]),
    ("3 of them, i want to order", "order", 1.0, [("number", 0, 1, "3")]),
    (
        "i tell you red and light green",
        "tell",
        1.0,
        [("colour", 11, 14, "red"), ("colour", 19, 30, "light green")],
    ),
    ("i tell you Green 7 times", "nlu_fallback", 0.3, [("number", 17, 18, "7"), ("colour", 11, 16, "Green")]),
    ("12345", "nlu_fallback", 0.3, [("number", 0, 5, "12345")]),
]


@pytest.mark.parametrize(("text", "intent", "confidence", "found"), CASES)
def test_as_rasa(pipeline: Pipeline, text: str, intent: str, confidence: float, found: list[Any]) -> None:
    result = pipeline.parse([text])[0]
    assert result["intent"] == {"name": intent, "confidence": confidence}
    assert [(e["entity"], e["start"], e["end"], e["value"]) for e in result["entities"]] == found
    assert {e["extractor"] for e in result["entities"]} <= {"RegexEntityExtractor"}


def test_keywords_have_no_ranking_nor_does_the_fallback_after_them(pipeline: Pipeline) -> None:
    assert "intent_ranking" not in pipeline.parse(["hello"])[0]
    result = pipeline.parse(["what was that"])[0]
    assert result["intent"]["name"] == "nlu_fallback"
    assert "intent_ranking" not in result


def test_nothing_said_is_a_fallback_with_an_empty_token(pipeline: Pipeline) -> None:
    result = pipeline.parse([""])[0]
    assert result["intent"] == {"name": "nlu_fallback", "confidence": 0.3}
    assert result["text_tokens"] == [[0, 0]]


def test_examples_are_regular_expressions_and_must_not_occur_in_another_intents() -> None:
    def pipeline_of(*examples: tuple[str, str]) -> Pipeline:
        return trained(NAMES[:2], TrainingData(examples=tuple(Example(*e) for e in examples)))

    pipeline = pipeline_of(
        ("are you a bot?", "bot"), ("hi", "greet"), ("say hi", "ask"), ("thanks :)", "thanks")
    )
    found = [
        r["intent"]["name"] for r in pipeline.parse(["are you a bot?", "hi", "please say hi", "thanks :)x"])
    ]
    assert found == ["bot", None, "ask", "thanks"]


def test_processors_are_named(pipeline: Pipeline) -> None:
    found = pipeline.parse(["order crimson"])[0]["entities"][0]
    assert found["processors"] == ["EntitySynonymMapper"]


def test_domain_of_the_pipeline_checks_literals() -> None:
    pipeline = trained(NAMES, training())
    pipeline.domain_intents, pipeline.domain_entities = {"order"}, {"colour"}
    assert pipeline.parse(['/order{"colour": 1, "x": 2}'])[0]["entities"][0]["value"] == 1
    assert pipeline.parse(["/other"])[0]["intent"]["name"] == "nlu_fallback"
    assert pipeline.parse(["/other"], domain_intents=["other"])[0]["intent"]["name"] == "other"


def test_a_keyword_of_two_intents_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    both = TrainingData((Example("thanks", "a"), Example("thanks", "b"), Example("bye", "c")))
    pipeline = trained(["KeywordIntentClassifier"], both)
    assert pipeline.parse(["thanks", "bye"])[0]["intent"] == {"name": None, "confidence": 0.0}
    assert "thanks" in caplog.text


def test_a_pattern_that_would_stall_finds_nothing_in_time() -> None:
    slow = TrainingData(
        (Example("aaa", "a", entities=(EntitySpan(0, 3, "x", "aaa"),)), Example("b", "b")),
        regexes=(Pattern("x", r"(a+)+(?=b)"),),
    )
    pipeline = trained(["RegexEntityExtractor"], slow)
    assert pipeline.parse(["a" * 3000])[0]["entities"] == []
    assert pipeline.parse(["aab"])[0]["entities"][0]["value"] == "aa"


def test_unicode_patterns_mean_what_they_mean_in_python() -> None:
    wide = TrainingData(
        (Example("订单 1", "a", entities=(EntitySpan(3, 4, "n", "1"),)), Example("b", "b")),
        regexes=(Pattern("n", r"\d+"),),
        lookups=(Lookup("n", ("鞋",)),),
    )
    pipeline = trained(["RegexEntityExtractor"], wide)
    found = [e["value"] for e in pipeline.parse(["订单 １２ 鞋 红鞋"])[0]["entities"]]
    assert found == ["１２", "鞋"]


def test_a_broken_pattern_is_named_with_its_place() -> None:
    from shoptalk.core.training_data import Source

    broken = TrainingData((Example("a", "b"),), regexes=(Pattern("zip", "[0-9", Source("data/nlu.yml", 7)),))
    with pytest.raises(DataError, match=r"data/nlu.yml:7.*zip"):
        trained(["WhitespaceTokenizer", "RegexFeaturizer"], broken)
