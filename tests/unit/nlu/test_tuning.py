"""Quality: JointClassifier tunes the encoder's last layers, and carries them with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nlu_kit import SHOP, data, entities

from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.pipeline import Pipeline

JOINT = {
    "name": "JointClassifier", "tune_epochs": 40, "tune_rate": 1e-3, "entity_rate": 2e-3, "entity_hidden": 64,
}  # fmt: skip


def configs(model: Any, **more: Any) -> list[dict[str, Any]]:
    return [
        {"name": "MultilingualTokenizer"},
        {"name": "BertFeaturizer", "model": str(model), "tune": 1, **more},
        {"name": "HashedNgrams"},
        dict(JOINT),
    ]


def test_tuned_layers_travel_with_the_model(folder: Any) -> None:
    first = Pipeline.build(configs(folder))
    first.train(SHOP)
    saved = first.save()
    tuned = {n: v for n, v in saved["03-JointClassifier"].tensors.items() if "upper." in n}
    assert tuned
    assert {value.dtype for value in tuned.values()} == {np.dtype(np.float16)}
    again = Pipeline.load(configs(folder), saved)
    texts = ["where is my order 10555", "swap the green one for blue", "hello there"]
    for before, after in zip(first.parse(texts), again.parse(texts), strict=True):
        assert before["intent"]["name"] == after["intent"]["name"]
        assert before["intent"]["confidence"] == pytest.approx(after["intent"]["confidence"], abs=0.02)
        assert entities(before) == entities(after)
    assert entities(again.parse(texts)[1]) == [("color", "green", "old"), ("color", "blue", "new")]
    more = Pipeline.build(configs(folder))
    report = more.train(SHOP, previous=saved)
    assert report["03-JointClassifier"]["warm"] is True
    assert more.parse(["hello there"])[0]["intent"]["name"] == "greet"


def test_without_entities_only_intents_are_tuned(folder: Any) -> None:
    plain = data({"greet": ["hello", "hello red"], "bye": ["bye", "thanks bye"]})
    pipeline = Pipeline.build(configs(folder))
    pipeline.train(plain)
    result = Pipeline.load(configs(folder), pipeline.save()).parse(["thanks bye"])[0]
    assert result["intent"]["name"] == "bye"
    assert result["entities"] == []


def test_one_intent_without_entities_has_nothing_to_tune(folder: Any) -> None:
    pipeline = Pipeline.build(configs(folder))
    pipeline.train(TrainingData(data({"greet": ["hello", "hello red"]}).examples))
    assert pipeline.parse(["hello"])[0]["intent"]["name"] == "greet"


def test_more_layers_than_there_are_is_an_error(folder: Any) -> None:
    with pytest.raises(ConfigError, match=r"tune: 9.*|from 0 to 2"):
        Pipeline.build(configs(folder, tune=9)).train(SHOP)
