"""TED at prediction: the forward pass of one conversation in numpy, so that serving needs no torch.

Source: Vlasov, Mosig, Nichol: Dialogue Transformers, arXiv 1910.00486.

Shapes: `D` dialogue turns, `F` features of a part, `H` transformer size, `A` labels, `E` embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray

PARTS = ("intent", "text", "action_name", "action_text", "entities", "slots", "active_loop")
"""Parts of a turn, each with its own features."""
ENCODED = ("intent", "text", "action_name", "action_text")
"""Parts that are encoded once more, to the same size, so that they can be added."""
LABEL_PARTS = ("label_action_name", "label_action_text")
NORM_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class TedShape:
    """Sizes of a network.

    Args:
        inputs: width of each part's features; parts of width 0 have no layers.
        dense: width each part is brought to first.
        encoding: width of the encoded parts.
        size: of the transformer.
        layers, heads: of the transformer.
        embedding: of dialogues and labels, where they are compared.
        window: how many moments a network sees, from the newest back; 0 for whole conversations from their beginning.
        cosine: similarities are of directions only.
    """

    inputs: Mapping[str, int]
    dense: Mapping[str, int]
    encoding: int = 50
    size: int = 128
    layers: int = 1
    heads: int = 4
    embedding: int = 20
    window: int = 0
    cosine: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    def has(self, part: str) -> bool:
        """Whether the network has layers for a part."""
        return self.inputs.get(part, 0) > 0

    @property
    def turn_width(self) -> int:
        """Width of a whole turn."""
        width = self.encoding * (self.has("intent") or self.has("text"))
        width += self.encoding * (self.has("action_name") or self.has("action_text"))
        return width + sum(self.dense[part] for part in PARTS[4:] if self.has(part))

    def as_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            **asdict(self),
            "inputs": dict(self.inputs),
            "dense": dict(self.dense),
            "extra": dict(self.extra),
        }


class TedInference:
    """A trained network, ready to compare dialogues with labels.

    Args:
        shape: its sizes.
        weights: by name, as `shoptalk.networks.ted.TedNetwork` exports them.
    """

    def __init__(self, shape: TedShape, weights: Mapping[str, Array]) -> None:
        self.shape, self.weights = shape, dict(weights)
        self.labels = self.weights["labels"]  # (A, E)
        if shape.cosine:
            self.labels = self.labels / np.maximum(np.linalg.norm(self.labels, axis=1, keepdims=True), 1e-12)
        # Products of few rows are twice as fast with weights that lie as they are used.
        self._turned = {
            name.removesuffix(".weight"): np.ascontiguousarray(values.T)
            for name, values in self.weights.items()
            if name.endswith(".weight") and values.ndim == 2
        }

    def similarities(self, features: Mapping[str, Array]) -> Array:
        """How well each label fits what comes after the last turn.

        Args:
            features: for each part the turns' features, oldest first. Shapes: (D, F).

        Returns:
            Shapes: (A,)
        """
        turns = self._turns(features)  # (D, width)
        if self.shape.window:
            turns = turns[: -self.shape.window - 1 : -1]
        size = self.shape.size
        hidden = self._linear("input", turns) * np.float32(size**0.5) + places(len(turns), size)
        present = 0 if self.shape.window else len(turns) - 1
        for layer in range(self.shape.layers):
            is_last = layer == self.shape.layers - 1
            hidden = self._layer(f"layers.{layer}", hidden, present if is_last else None)
        last = gelu(self._norm("norm", hidden[:1] if self.shape.window else hidden[-1:]))
        point = self._linear("embed", last)[0]
        if self.shape.cosine:
            point = point / max(float(np.linalg.norm(point)), 1e-12)
        return np.asarray(self.labels @ point)

    def _turns(self, features: Mapping[str, Array]) -> Array:
        encoded = {part: self._encode(part, features[part]) for part in ENCODED if self.shape.has(part)}
        pieces = [
            sum(encoded[part] for part in pair if part in encoded)
            for pair in (("intent", "text"), ("action_name", "action_text"))
            if any(part in encoded for part in pair)
        ]
        pieces += [self._dense(part, features[part]) for part in PARTS[4:] if self.shape.has(part)]
        return np.concatenate(pieces, axis=-1)

    def _dense(self, part: str, values: Array) -> Array:
        present = values.any(axis=-1, keepdims=True)
        return np.asarray(self._linear(f"dense.{part}", values) * present)

    def _encode(self, part: str, values: Array) -> Array:
        present = values.any(axis=-1, keepdims=True)
        return np.asarray(gelu(self._linear(f"encode.{part}", self._dense(part, values))) * present)

    def _layer(self, name: str, hidden: Array, only: int | None) -> Array:
        """What a layer makes of all turns, or of the one at place `only`."""
        heads = self.shape.heads
        mine = slice(None) if only is None else slice(only, only + 1)
        normed = self._norm(f"{name}.norm1", hidden)
        query, key, value = (
            self._linear(f"{name}.{kind}", rows).reshape(len(rows), heads, -1).transpose(1, 0, 2)
            for kind, rows in (("query", normed[mine]), ("key", normed), ("value", normed))
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32((self.shape.size // heads) ** 0.5)
        if only is None and not self.shape.window:
            scores = scores + _later(len(hidden))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        hidden = hidden[mine]
        seen = (scores @ value).transpose(1, 0, 2).reshape(hidden.shape)
        hidden = hidden + self._linear(f"{name}.out", seen)
        inner = gelu(self._linear(f"{name}.up", self._norm(f"{name}.norm2", hidden)))
        return np.asarray(hidden + self._linear(f"{name}.down", inner))

    def _linear(self, name: str, values: Array) -> Array:
        out = values @ self._turned[name]
        bias = self.weights.get(f"{name}.bias")
        return np.asarray(out if bias is None else out + bias)

    def _norm(self, name: str, values: Array) -> Array:
        count = np.float32(values.shape[-1])
        centred = values - values.sum(-1, keepdims=True) / count
        spread = np.sqrt((centred * centred).sum(-1, keepdims=True) / count + np.float32(NORM_EPSILON))
        return np.asarray(centred / spread * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])


@lru_cache(maxsize=256)
def _later(turns: int) -> Array:
    """Hides what comes later. Shapes: (turns, turns)"""
    return np.triu(np.full((turns, turns), -1e9, np.float32), 1)


@lru_cache(maxsize=256)
def places(count: int, size: int) -> Array:
    """Waves that tell the places of a sequence apart: sines at even, cosines at odd positions.

    Shapes: (count, size)

    Source: Vaswani et al.: Attention Is All You Need, arXiv 1706.03762.
    """
    lengths = 10000.0 ** (np.arange(size) // 2 * 2 / size)
    angles = np.arange(count)[:, None] / lengths[None, :]
    return np.where(np.arange(size) % 2 == 0, np.sin(angles), np.cos(angles)).astype(np.float32)


_SLOPE = np.float32(np.sqrt(2.0 / np.pi))


def gelu(values: Array) -> Array:
    """The Gaussian error linear unit, in its tanh form."""
    inner = _SLOPE * (values + np.float32(0.044715) * values * values * values)
    return np.asarray(np.float32(0.5) * values * (np.float32(1) + np.tanh(inner)))


def softmax(values: Array) -> Array:
    """Shapes: (A,) -> (A,)"""
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum())
