"""SpellingCorrector: slips are read as what was meant; what is written stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
from nlu_kit import data, trained

from shoptalk.core.training_data import Lookup
from shoptalk.nlu.pipeline import Pipeline

WORDS = data(
    {
        "order_status": ["where is my order", "my order please", "track my order", "the order isn't here"],
        "return_item": [
            "return the jacket",
            "return this jacket",
            "I want to return a jacket",
            "it isn't my size",
        ],
        "cancel": ["cancel it please", "please cancel", "cancel the whole thing", "that isn't mine"],
    },
    lookups=(Lookup("product", ("Chelsea boot",)),),
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    names: list[str | dict[str, Any]] = ["MultilingualTokenizer", "SpellingCorrector", "HashedNgrams"]
    return trained([*names, "JointClassifier"], WORDS)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("where is my ordr", "where is my order"),
        ("where is my ordre 10234?", "where is my order 10234?"),
        ("oorder, plesae!", "order, please!"),
        ("Retrun the jaket", "return the jacket"),
        ("it isnt mine", "it isn't mine"),
        ("the chelsae boot", "the chelsea boot"),
        ("我的ordr到哪了", "我的order到哪了"),
    ],
)
def test_a_slip_is_read_as_what_was_meant(pipeline: Pipeline, text: str, read: str) -> None:
    assert pipeline.parse([text])[0]["read_as"] == read


@pytest.mark.parametrize(
    "text",
    [
        "where is my order",
        "border",  # a word, though one letter from another
        "tell Ordre about it",  # a name
        "ordr5",
        "ordr@example.com",
        "xq",
        "jxxket",  # two slips
        "o" * 3000,
        "",
        "订单到哪了",
    ],
)
def test_what_may_be_meant_so_is_left_alone(pipeline: Pipeline, text: str) -> None:
    assert "read_as" not in pipeline.parse([text])[0]


def test_the_intent_is_that_of_what_was_meant(pipeline: Pipeline) -> None:
    slips, meant = pipeline.parse(["retrun teh jaket", "return the jacket"])
    assert slips["intent"]["name"] == "return_item"
    assert slips["intent"]["confidence"] == pytest.approx(meant["intent"]["confidence"], abs=1e-6)
    assert slips["text"] == "retrun teh jaket"
    assert slips["text_tokens"] == [[0, 6], [7, 10], [11, 16]]


def test_an_encoder_reads_what_was_meant_and_entities_stay_where_they_are() -> None:
    examples = {
        "find": [
            f"do you have a {color} [{thing}](product)"
            for color in ("red", "blue", "green")
            for thing in THINGS
        ],
        "greet": ["hello", "good morning", "hi there", "good evening"],
    }
    bert = {"name": "BertFeaturizer", "runtime": "onnx-int8"}
    joint = {"name": "JointClassifier", "entity_epochs": 60}
    pipeline = trained(["MultilingualTokenizer", "SpellingCorrector", bert, joint], data(examples))
    [entity] = pipeline.parse(["do you haev a redd scraf"])[0]["entities"]
    assert (entity["entity"], entity["start"], entity["end"], entity["value"]) == ("product", 19, 24, "scraf")


THINGS = ("scarf", "jacket", "sweater", "lamp")


def test_without_a_vocabulary_the_training_data_alone_says_which_words_there_are() -> None:
    alone = trained(["MultilingualTokenizer", {"name": "SpellingCorrector", "words": None}], WORDS)
    assert alone.parse(["border"])[0]["read_as"] == "order"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("retrun it", "return it"),  # two letters swapped in a word that was seen once
        ("i retun it", "i return it"),  # a letter too few
        ("please sturn", None),  # another letter
        ("tarn", None),  # too short
    ],
)
def test_a_rare_word_of_the_training_data_may_be_a_slip(text: str, read: str | None) -> None:
    often = [f"return {thing}" for thing in "abcdefghijkl"]
    slips = ["retrun it", "i retun this", "sturn", "tarn", *(f"the tran {number}" for number in range(10))]
    settings = {"name": "SpellingCorrector", "words": None}
    pipeline = trained(["MultilingualTokenizer", settings], data({"a": often, "b": slips}))
    assert pipeline.parse([text])[0].get("read_as") == read
