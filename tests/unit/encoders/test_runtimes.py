"""All runtimes give the vectors of transformers' models."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from shoptalk.encoders import load_encoder
from shoptalk.errors import ConfigError

TEXTS = ["where is my order", "red shoes", "我的订单 hello", "where is my red shoes order thanks bye"]


def reference(folder: Path, text: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Hidden layers without special tokens, and the mean over all tokens of the last one."""
    from tokenizers import Tokenizer
    from transformers import AutoModel

    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states
    return [state[0, 1:-1].numpy() for state in states], states[-1][0].mean(0).numpy()


def equals_transformers(folder: Path, runtime: str, texts: list[str]) -> None:
    encoded = load_encoder(str(folder), runtime).encode(texts, (0, 1, 2))
    for row, text in enumerate(texts):
        layers, mean = reference(folder, text)
        np.testing.assert_allclose(encoded.sentence[row], mean, atol=2e-3)
        for number, layer in enumerate(layers):
            np.testing.assert_allclose(encoded.hidden[row][number], layer, atol=3e-2)


@pytest.mark.parametrize("runtime", ["torch-fp32", "onnx"])
def test_equals_transformers(tiny_bert: Path, runtime: str) -> None:
    equals_transformers(tiny_bert, runtime, TEXTS)


@pytest.mark.parametrize("runtime", ["torch-fp32", "onnx"])
def test_a_bias_by_distance_is_that_of_transformers(tiny_mpnet: Path, runtime: str) -> None:
    equals_transformers(tiny_mpnet, runtime, [*TEXTS, " ".join(TEXTS[0].split() * 6)])


@pytest.mark.parametrize("runtime", ["onnx-int8", "torch"])
def test_wide_layers_lose_next_to_nothing(tiny_mpnet: Path, runtime: str) -> None:
    exact = load_encoder(str(tiny_mpnet), "torch-fp32").encode(TEXTS).sentence
    rough = load_encoder(str(tiny_mpnet), runtime).encode(TEXTS).sentence
    cosines = (exact * rough).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosines.min() > 0.999


def test_columns_that_dwarf_the_rest_stay_exact(tiny_mpnet: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "outliers"
    shutil.copytree(tiny_mpnet, folder)
    weights = load_file(str(folder / "model.safetensors"))
    for layer in (0, 1):
        base = f"encoder.layer.{layer}."
        weights[f"{base}attention.LayerNorm.weight"][7] *= 30.0
        weights[f"{base}intermediate.dense.weight"][11] *= 30.0
        weights[f"{base}output.dense.weight"][:, 11] /= 30.0
    save_file(weights, folder / "model.safetensors")
    exact = load_encoder(str(folder), "torch-fp32").encode(TEXTS).sentence
    rough = load_encoder(str(folder), "onnx-int8").encode(TEXTS).sentence
    cosines = (exact * rough).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosines.min() > 0.999


@pytest.mark.parametrize("runtime", ["onnx-int8", "torch"])
def test_small_numbers_lose_little(tiny_bert: Path, runtime: str) -> None:
    exact = load_encoder(str(tiny_bert), "torch-fp32").encode(TEXTS).sentence
    rough = load_encoder(str(tiny_bert), runtime).encode(TEXTS).sentence
    cosines = (exact * rough).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosines.min() > 0.98


def test_any_automodel(tiny_bert: Path, tmp_path: Path) -> None:
    """A model type our runtimes do not know goes through AutoModel and gives the same."""
    import json

    from shoptalk.encoders.locate import find_model
    from shoptalk.encoders.torch_runtime import TransformersEncoder

    folder = tmp_path / "copy"
    shutil.copytree(tiny_bert, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    assert isinstance(load_encoder(str(folder), "auto"), TransformersEncoder)
    encoder = TransformersEncoder(find_model(str(tiny_bert)))
    ours = load_encoder(str(tiny_bert), "torch-fp32").encode(TEXTS)
    theirs = encoder.encode(TEXTS)
    np.testing.assert_allclose(theirs.sentence, ours.sentence, atol=2e-3)
    assert [o.tolist() for o in theirs.offsets] == [o.tolist() for o in ours.offsets]


def test_offsets_are_characters_of_the_text(tiny_bert: Path) -> None:
    text = "Red shoes 我的"
    encoded = load_encoder(str(tiny_bert), "onnx").encode([text])
    pieces = [text[start:end] for start, end in encoded.offsets[0]]
    assert pieces == ["Red", "shoe", "s", "我", "的"]
    assert encoded.tokens[0].shape == (5, 32)


@pytest.mark.parametrize("runtime", ["onnx", "torch-fp32"])
def test_prefix_is_read_but_not_returned(tiny_bert: Path, runtime: str) -> None:
    encoder = load_encoder(str(tiny_bert), runtime)
    plain = encoder.encode(["red shoes"], prefix="")
    prefixed = encoder.encode(["red shoes"], prefix="query: ")
    assert prefixed.offsets[0].tolist() == plain.offsets[0].tolist()
    assert not np.allclose(prefixed.tokens[0], plain.tokens[0])


def test_long_text_is_cut(tiny_bert: Path) -> None:
    for runtime in ("onnx-int8", "torch-fp32"):
        encoded = load_encoder(str(tiny_bert), runtime).encode(["red " * 500])
        assert encoded.tokens[0].shape[0] == 38


def test_text_without_pieces(tiny_bert: Path) -> None:
    encoded = load_encoder(str(tiny_bert), "onnx").encode([""])
    assert encoded.tokens[0].shape == (0, 32)
    assert np.isfinite(encoded.sentence).all()


def test_loaded_once(tiny_bert: Path) -> None:
    assert load_encoder(str(tiny_bert), "onnx") is load_encoder(str(tiny_bert), "onnx")


def test_unknown_runtime_is_named(tiny_bert: Path) -> None:
    with pytest.raises(ConfigError, match="onnx-int8"):
        load_encoder(str(tiny_bert), "tensorrt")
