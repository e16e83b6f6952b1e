"""Odd texts and odd training data: answered or refused with a clear message, never a crash."""

from __future__ import annotations

from typing import Any

import pytest
from nlu_kit import SHOP, data, trained

from shoptalk.core.training_data import EntitySpan, Example, Source, TrainingData
from shoptalk.errors import ConfigError, DataError
from shoptalk.nlu.explain import MOST_PIECES
from shoptalk.nlu.pipeline import MAX_CHARACTERS, Pipeline

JOINT = {"name": "JointClassifier", "entity_epochs": 2, "entity_hidden": 32}
NAMES: list[Any] = [
    "MultilingualTokenizer", "LanguageIdentifier", "RegexFeaturizer", "HashedNgrams", JOINT, "RegexEntityExtractor",
    "EntitySynonymMapper", {"name": "EntityNormalizer", "country": "DE"}, "RetrievalSelector", "FallbackClassifier",
    "IntentSplitter",
]  # fmt: skip

ODD = [
    "", "   ", "👍", "👍👍🏽", "\x01\x02", "\u200b", "ꦱꦸꦒꦼꦁ", "x" * 10_000, "好" * 10_000, "\ud800", "/", "/{", "a\nb\tc", "0",
    "<script>", "{" * 500, "[a](b)", "\\", "'\"", "É́́́", "…", "٣٤٥", "\ufeffhello",
]  # fmt: skip


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return trained(NAMES, SHOP)


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_answered(pipeline: Pipeline, text: str) -> None:
    result = pipeline.parse([text])[0]
    assert result["text"] == text
    assert set(result["intent"]) >= {"name", "confidence"}
    for entity in result["entities"]:
        assert 0 <= entity["start"] < entity["end"] <= MAX_CHARACTERS


@pytest.mark.parametrize("text", [*ODD, "ok, ok, ok, ok, ok. " * 400])
def test_odd_texts_are_explained(pipeline: Pipeline, text: str) -> None:
    result = pipeline.parse([text], explain=True)[0]
    assert [step["ms"] >= 0 for step in result["explain"]["steps"]]
    assert len(result["explain"]["words"]) <= MOST_PIECES


def test_nothing_said_is_nothing_understood(pipeline: Pipeline) -> None:
    for text in ("", "  \n"):
        result = pipeline.parse([text])[0]
        assert result["intent"] == {"name": "nlu_fallback", "confidence": 0.3}
        assert result["entities"] == []


def test_a_batch_is_its_messages(pipeline: Pipeline) -> None:
    texts = ["hello", "", "where is 10234", "/greet"]
    assert pipeline.parse(texts) == [pipeline.parse([text])[0] for text in texts]
    assert pipeline.parse([]) == []


@pytest.mark.parametrize(
    "training",
    [
        data({"only": ["one", "two"]}),
        data({"a": ["one"], "b": ["two", "three"]}),
        data({"a": ["no", "entities"], "b": ["at", "all"]}),
        data({"a": ["👍", "👍👍"], "b": ["yes", "yes please"]}),
        data({"a": ["x" * 9000, "y"], "b": ["z", "q"]}),
        data({"a": ["same text", "same text"], "b": ["same text", "other"]}),
    ],
)
def test_odd_training_data_is_learnt(training: TrainingData, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = trained(NAMES, training)
    result = pipeline.parse(["two"])[0]
    assert result["intent"]["name"] in {e.intent for e in training.examples} | {"nlu_fallback"}


def test_one_intent_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    trained(NAMES, data({"only": ["one", "two"]}))
    assert "every message will get it" in caplog.text


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Example("a\x00b", "a", source=Source("nlu.yml", 3)), r"nlu.yml:3.*NUL"),
        (Example("x" * 30_000, "a", source=Source("nlu.yml", 4)), r"nlu.yml:4.*30000 characters"),
        (
            Example("abc", "a", entities=(EntitySpan(1, 9, "e", "v"),), source=Source("nlu.yml", 5)),
            r"nlu.yml:5.*1:9",
        ),
    ],
)
def test_unusable_examples_are_refused_with_their_place(example: Example, message: str) -> None:
    with pytest.raises(DataError, match=message):
        trained(NAMES, TrainingData((example, Example("b", "b"))))


def test_no_example_at_all() -> None:
    with pytest.raises(DataError, match="no example with an intent"):
        trained(NAMES, TrainingData())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["HashedNgrams"], "HashedNgrams needs tokens"),
        (["WhitespaceTokenizer", "JointClassifier"], "JointClassifier needs features"),
        (["WhitespaceTokenizer", "MultilingualTokenizer"], "second tokenizer"),
        (
            ["WhitespaceTokenizer", "HashedNgrams", "HashedNgrams"],
            "Two featurizers are called 'HashedNgrams'",
        ),
        (["WitespaceTokenizer"], "Did you mean 'WhitespaceTokenizer'"),
        ([{"epochs": 3}], "Item 1 of `pipeline` has no name"),
        (
            ["WhitespaceTokenizer", "HashedNgrams", {**JOINT, "featurizers": ["bert"]}],
            "wants the featurizer 'bert'",
        ),
        (["WhitespaceTokenizer", "HashedNgrams", {**JOINT, "epochs": "many"}], "epochs: 'many'"),
    ],
)
def test_wrong_pipelines_are_refused(names: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trained(names, SHOP)


def test_unknown_keys_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Pipeline.build([{"name": "WhitespaceTokenizer"}, {"name": "HashedNgrams"}, {**JOINT, "entity_epoch": 3}])
    assert "no key 'entity_epoch'" in caplog.text
    assert "Did you mean 'entity_epochs'" in caplog.text
