"""The last layers of an encoder apart from the rest, as a classifier tunes them and carries them with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders.outliers import WIDE
from shoptalk.encoders.weights import EncoderWeights, Floats, read_weights
from shoptalk.errors import ComponentError
from shoptalk.networks.shapes import EncoderShape

_NAMES = {
    "out": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "norm2": "output.LayerNorm",
}
"""Parts of `networks.encoder.EncoderLayer` by their names in model files; query, key and value are one part there."""

_ATTENTION = ("query", "key", "value")


def pretrained_upper(
    model: str, count: int, *, offline: bool = True
) -> tuple[EncoderShape, dict[str, Floats]]:
    """The last layers of a packaged or local encoder.

    Args:
        model: name of the encoder.
        count: how many layers.
        offline: do not ask the hub.

    Returns:
        The shape of those layers, and their parameters named `0.qkv.weight` ….

    Raises:
        ComponentError: the encoder's layers are not BERT's.
    """
    from shoptalk.encoders.locate import find_model
    from shoptalk.encoders.weights import is_bert_like

    folder = find_model(model, offline=offline)
    if not is_bert_like(folder.path):
        raise ComponentError(
            f"The layers of the encoder {model!r} cannot be tuned.",
            hint="Remove `tune` from BertFeaturizer, or take a BERT-like encoder such as all-MiniLM-L6-v2.",
        )
    weights = read_weights(folder.path)
    if weights.shape.buckets:
        raise ComponentError(
            f"The layers of the encoder {model!r} cannot be tuned: they share a bias by distance.",
            hint="Remove `tune` from BertFeaturizer, or take an encoder such as all-MiniLM-L6-v2.",
        )
    state: dict[str, Floats] = {}
    for place in range(count):
        base = f"encoder.layer.{weights.shape.layers - count + place}."
        for kind in ("weight", "bias"):
            joined = [weights.get(f"{base}attention.self.{name}.{kind}") for name in _ATTENTION]
            state[f"{place}.qkv.{kind}"] = np.concatenate(joined)
            for short, long in _NAMES.items():
                state[f"{place}.{short}.{kind}"] = weights.get(f"{base}{long}.{kind}")
    return replace(weights.shape, layers=count), state


class UpperLayers:
    """Layers of a state like `pretrained_upper` gives, served by ONNX Runtime.

    Args:
        shape: of the layers.
        state: parameters by name.
        quantised: 8-bit weights, else 32-bit; wide layers always have those.
    """

    def __init__(
        self, shape: EncoderShape, state: Mapping[str, NDArray[Any]], *, quantised: bool = True
    ) -> None:
        from shoptalk.encoders.onnx_graph import build_graph
        from shoptalk.encoders.onnx_runtime import open_session, weight_bits

        weights = EncoderWeights(shape, _model_names(shape, state))
        quantised = (
            quantised and shape.hidden <= WIDE
        )  # of the columns to keep exact, the layers alone show none
        graph = build_graph(weights, quantised=quantised, bits=weight_bits())
        self._outputs = [f"layer_{layer + 1}" for layer in range(shape.layers)]
        self._session = open_session(graph.SerializeToString())

    def run(self, hidden: NDArray[Any]) -> Floats:
        """(layers, S, H) what the layers make of the (S, H) output of the layer before them."""
        feed = {"x": hidden.astype(np.float32)[None], "mask": np.ones((1, len(hidden)), np.int32)}
        return np.concatenate(self._session.run(self._outputs, feed))


def _model_names(shape: EncoderShape, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    out: dict[str, NDArray[Any]] = {}
    for place in range(shape.layers):
        base = f"encoder.layer.{place}."
        for kind in ("weight", "bias"):
            thirds = np.split(state[f"{place}.qkv.{kind}"], 3)
            for name, third in zip(_ATTENTION, thirds, strict=True):
                out[f"{base}attention.self.{name}.{kind}"] = third
            for short, long in _NAMES.items():
                out[f"{base}{long}.{kind}"] = state[f"{place}.{short}.{kind}"]
    return out
