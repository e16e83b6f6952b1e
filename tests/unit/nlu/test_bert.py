"""BertFeaturizer on a toy encoder, and JointClassifier and the SVM on its vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nlu_kit import SHOP, data, entities, trained

from shoptalk.archive import Saved
from shoptalk.core.training_data import Example
from shoptalk.errors import ArchiveError, ConfigError
from shoptalk.nlu.features.bert import BertFeaturizer, pool_words
from shoptalk.nlu.message import Message, Token
from shoptalk.nlu.tokenizers.multilingual import MultilingualTokenizer


def featurised(folder: Path, text: str, training: bool, **options: Any) -> Message:
    message = Message(text, example=Example(text, "i") if training else None)
    MultilingualTokenizer({}).process([message])
    BertFeaturizer(
        {"model": str(folder), "training_runtime": "torch-fp32", "runtime": "onnx", **options}
    ).process([message])
    return message


def test_serving_and_training_agree(folder: Path) -> None:
    for _ in range(2):  # the second time from the cache
        trained_on = featurised(folder, "where is my order", training=True).features[0]
        served = featurised(folder, "where is my order", training=False).features[0]
        np.testing.assert_allclose(trained_on.sentence, served.sentence, atol=5e-3)
        np.testing.assert_allclose(trained_on.tokens, served.tokens, atol=5e-3)
        np.testing.assert_allclose(trained_on.layers, served.layers, atol=5e-3)


def test_shapes(folder: Path) -> None:
    found = featurised(
        folder, "red shoes 我的", training=False, layers=[1, -1], sentence_layers=[2]
    ).features[0]
    assert found.layers.shape == (2, 4, 32)
    assert found.tokens.shape == (4, 32)
    assert found.sentence.shape == (1, 32)


def test_words_take_the_mean_of_their_pieces() -> None:
    hidden = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    offsets = np.asarray([[0, 3], [3, 5], [6, 8], [8, 9]])
    tokens = [Token("order", 0, 5), Token("我", 6, 7), Token("的", 7, 8), Token("x", 20, 21)]
    mean = pool_words(hidden, offsets, tokens, "mean")[0]
    assert mean.tolist() == [[1, 2], [4, 5], [4, 5], [0, 0]]
    assert pool_words(hidden, offsets, tokens, "first")[0, 0].tolist() == [0, 1]


def test_joint_on_vectors(folder: Path) -> None:
    bert = {"name": "BertFeaturizer", "model": str(folder)}
    joint = {"name": "JointClassifier", "entity_epochs": 25, "entity_hidden": 64, "entity_rate": 2e-3}
    pipeline = trained(["MultilingualTokenizer", bert, "HashedNgrams", joint], SHOP)
    result = pipeline.parse(["where is my order 10555"], explain=True)[0]
    assert result["intent"]["name"] == "order_status"
    assert entities(result) == [("order_id", "10555", None)]
    assert 0 <= result["scope"]["score"] <= 1
    nearest = result["explain"]["JointClassifier"]["nearest"]
    assert nearest[0]["text"] in {e.text for e in SHOP.examples} | {"order status"}
    assert nearest == sorted(nearest, key=lambda n: -n["cosine"])
    vectors = pipeline.featurize(["hello", "bye"])
    assert vectors.shape[0] == 2
    assert not np.allclose(vectors[0], vectors[1])


def test_half_a_character_is_read_as_a_question_mark(folder: Path) -> None:
    bert = {"name": "BertFeaturizer", "model": str(folder)}
    pipeline = trained(["MultilingualTokenizer", bert, "HashedNgrams", "JointClassifier"], SHOP)
    half, mark = pipeline.parse(["red \ud83d!", "red ?!"])
    assert half == {**mark, "text": "red \ud83d!"}


def test_svm(folder: Path) -> None:
    easy = data(
        {
            "red": ["red shoes", "red", "the red shoes", "my red"],
            "bye": ["bye", "thanks bye", "bye bye", "thanks"],
        }
    )
    svm = {"name": "SklearnIntentClassifier", "C": [1, 10]}
    pipeline = trained(["WhitespaceTokenizer", {"name": "BertFeaturizer", "model": str(folder)}, svm], easy)
    assert [r["intent"]["name"] for r in pipeline.parse(["the red", "bye thanks"])] == ["red", "bye"]


def test_another_encoder_than_trained_with_is_refused(folder: Path) -> None:
    with pytest.raises(ArchiveError, match="another version of the encoder"):
        BertFeaturizer.load({"model": str(folder)}, Saved({"model": "x", "fingerprint": "0"}, {}))


@pytest.mark.parametrize(
    ("key", "value"), [("layers", [9]), ("sentence_layers", ["a"]), ("runtime", "gpu"), ("pooling", "sum")]
)
def test_wrong_settings_are_named(folder: Path, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"config.yml: BertFeaturizer has {key}"):
        featurised(folder, "red", training=False, **{key: value})


def test_rasas_keys_take_what_is_here(caplog: pytest.LogCaptureFixture, folder: Path) -> None:
    from shoptalk.nlu.features.language_model import LanguageModelFeaturizer

    given = LanguageModelFeaturizer({"model_name": "bert", "model_weights": str(folder)})
    assert given.options["model"] == str(folder)
    absent = LanguageModelFeaturizer({"model_name": "roberta", "language": "zh"})
    assert absent.options["model"] == "multilingual-e5-small"
    assert "roberta-base is not on this machine" in caplog.text
