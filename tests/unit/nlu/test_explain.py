"""Explanations: words weighed by leaving them out, and who said what."""

from __future__ import annotations

import pytest
from nlu_kit import SHOP, trained

from shoptalk.nlu.explain import MOST_PIECES
from shoptalk.nlu.pipeline import Pipeline

NAMES = [
    "MultilingualTokenizer",
    "HashedNgrams",
    "JointClassifier",
    "RegexEntityExtractor",
    "EntityNormalizer",
    {"name": "FallbackClassifier", "threshold": 0.2, "ambiguity_threshold": 0.05},
]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return trained(NAMES, SHOP)


def test_the_word_that_decides_weighs_most(pipeline: Pipeline) -> None:
    found = pipeline.parse(["hello where is it"], explain=True)[0]["explain"]
    first, second = (intent["name"] for intent in found["intents"])
    weights = {word["text"]: word["weights"] for word in found["words"]}
    assert list(weights) == ["hello", "where", "is", "it"]
    assert {first, second} <= {"greet", "order_status", "exchange", "goodbye"}
    assert max(weights, key=lambda word: weights[word]["order_status"]) == "where"


def test_a_weight_is_what_leaving_the_word_out_costs(pipeline: Pipeline) -> None:
    text = "where is my parcel"
    result = pipeline.parse([text], explain=True)[0]
    name, full = result["intent"]["name"], result["intent"]["confidence"]
    ranking = {r["name"]: r["confidence"] for r in pipeline.parse(["where is my"])[0]["intent_ranking"]}
    assert result["explain"]["words"][-1]["weights"][name] == pytest.approx(full - ranking[name], abs=1e-3)


def test_each_component_says_its_part(pipeline: Pipeline) -> None:
    steps = pipeline.parse(["track parcel 10987 please"], explain=True)[0]["explain"]["steps"]
    by = {step["component"]: step for step in steps}
    assert list(by) == [name if isinstance(name, str) else name["name"] for name in NAMES]
    assert by["JointClassifier"]["intent"]["name"] == "order_status"
    entity = by["JointClassifier"]["entities"][0]
    assert (entity["entity"], entity["text"]) == ("order_id", "10987")
    assert by["EntityNormalizer"]["entities"][0]["additional_info"]["value"] == "10987"
    assert all(step["ms"] >= 0 for step in steps)


def test_thresholds_and_margin(pipeline: Pipeline) -> None:
    result = pipeline.parse(["hello"], explain=True)[0]
    found = result["explain"]
    assert found["thresholds"] == {"threshold": 0.2, "ambiguity_threshold": 0.05}
    first, second = (r["confidence"] for r in result["intent_ranking"][:2])
    assert found["margin"] == pytest.approx(first - second, abs=1e-3)


@pytest.mark.parametrize("text", ["", "   ", "😀", "hello"])
def test_texts_of_less_than_two_words_have_no_weights(pipeline: Pipeline, text: str) -> None:
    assert pipeline.parse([text], explain=True)[0]["explain"]["words"] == []


def test_a_long_text_is_weighed_in_pieces(pipeline: Pipeline) -> None:
    text = "where is my parcel " * 20
    pieces = pipeline.parse([text.strip()], explain=True)[0]["explain"]["words"]
    assert 2 < len(pieces) <= MOST_PIECES
    assert pieces[0]["start"] == 0
    assert pieces[-1]["end"] == len(text.strip())


def test_literal_messages_and_plain_parses_have_none(pipeline: Pipeline) -> None:
    assert "explain" not in pipeline.parse(["/greet"], explain=True)[0]
    assert "explain" not in pipeline.parse(["hello"])[0]
