"""DIET in numpy, for serving without torch. Checked against `diet.py` in the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shoptalk.networks.inference import CrfRunner, Floats, Tagging, gelu, layer_norm, sinusoids, softmax


class SparseRows(Protocol):
    """Anything sparse with a product."""

    def dot(self, weights: Floats) -> Floats:
        """Product with a dense matrix."""
        ...


@dataclass(frozen=True, slots=True)
class DietInput:
    """Features of one text: words (T rows) and the whole (one row)."""

    length: int
    sparse_tokens: SparseRows | None
    dense_tokens: Floats | None
    sparse_sentence: SparseRows | None
    dense_sentence: Floats | None


class DietRunner:
    """A trained network; `state` is its PyTorch state_dict as arrays."""

    def __init__(self, state: Mapping[str, NDArray[Any]], *, layers: int, heads: int) -> None:
        self._layers, self._heads = layers, heads
        self._p: dict[str, Floats] = {}
        for name, value in state.items():
            self._p[name] = _prepared(name, value, state)
        self._feed = sum(1 for n in state if n.startswith("feed.layers.") and n.endswith(".weight"))
        self._label_feed = sum(
            1 for n in state if n.startswith("label_feed.layers.") and n.endswith(".weight")
        )
        self._crf = {
            name: CrfRunner(
                np.where(
                    np.asarray(state[f"crf.{name}.allowed"]).astype(bool),
                    state[f"crf.{name}.transitions"],
                    -1e4,
                ),
                self._p[f"crf.{name}.start"],
                self._p[f"crf.{name}.end"],
            )
            for name in ("entity", "role", "group")
            if f"crf.{name}.start" in state
        }

    def encode(self, given: Sequence[DietInput]) -> list[tuple[Floats, Floats]]:
        """Words (T, out) and the whole text (out,) of each text.

        Texts together take the memory of the weights through the processor once.
        """
        rows = [self._rows(text) for text in given]
        x = self._dense_stack("feed", self._feed, np.concatenate(rows))
        ends = np.cumsum([len(row) for row in rows])
        if self._layers:
            x = self._transform(x, ends)
        return [(part[:-1], part[-1]) for part in np.split(x, ends[:-1])]

    def _rows(self, given: DietInput) -> Floats:
        """Words and the whole text as the first rows of the network. Shapes: (T + 1, width)"""
        tokens = self._input("tokens", given.sparse_tokens, given.dense_tokens)
        sentence = self._input("sentence", given.sparse_sentence, given.dense_sentence)
        if sentence is None and tokens is not None:
            sentence = tokens.mean(axis=0, keepdims=True)
        if tokens is None and sentence is not None:
            tokens = np.zeros((given.length, sentence.shape[1]), np.float32)
        if tokens is None or sentence is None:
            raise ValueError("a DIET network needs features of words or of texts")
        rows: Floats = np.concatenate([tokens, sentence])
        return rows

    def _input(self, what: str, sparse: SparseRows | None, dense: Floats | None) -> Floats | None:
        p = self._p
        parts = []
        if sparse is not None and f"sparse_{what}.weight" in p:
            parts.append(sparse.dot(p[f"sparse_{what}.weight"]) + p[f"sparse_{what}.bias"])
        if dense is not None:
            parts.append(dense)
        if not parts:
            return None
        joined: Floats = np.concatenate(parts, axis=1)
        if f"concat_{what}.weight" in p:
            joined = joined @ p[f"concat_{what}.weight"] + p[f"concat_{what}.bias"]
        return joined

    def _dense_stack(self, name: str, count: int, x: Floats) -> Floats:
        for layer in range(count):
            base = f"{name}.layers.{layer}"
            x = gelu(x @ self._p[f"{base}.weight"] + self._p[f"{base}.bias"])
        return x

    def _transform(self, x: Floats, ends: NDArray[np.int64]) -> Floats:
        """Texts attend to themselves; all else is done for all rows at once. `ends`: where each text's rows end."""
        p = self._p
        x = x @ p["enter.weight"] + p["enter.bias"]
        lengths = np.diff(ends, prepend=0)
        places: Floats = np.concatenate([sinusoids(int(length), x.shape[1], 1.0) for length in lengths])
        x = x * np.float32(np.sqrt(x.shape[1])) + places
        for layer in range(self._layers):
            b = f"blocks.{layer}."
            normed = layer_norm(x, p[b + "norm1.weight"], p[b + "norm1.bias"])
            asked = normed @ p[b + "qkv.weight"] + p[b + "qkv.bias"]
            mixed: Floats = np.concatenate(
                [_attend(part, self._heads) for part in np.split(asked, ends[:-1])]
            )
            x = x + mixed @ p[b + "out.weight"] + p[b + "out.bias"]
            normed = layer_norm(x, p[b + "norm2.weight"], p[b + "norm2.bias"])
            wide = gelu(normed @ p[b + "wide.weight"] + p[b + "wide.bias"])
            x = x + wide @ p[b + "narrow.weight"] + p[b + "narrow.bias"]
        return gelu(layer_norm(x, p["leave.weight"], p["leave.bias"]))

    def embed_text(self, text: Floats) -> Floats:
        """(out,) to (embed,)."""
        out: Floats = text @ self._p["text_embed.weight"] + self._p["text_embed.bias"]
        return out

    def embed_labels(self, labels: SparseRows) -> Floats:
        """All labels, (labels, embed)."""
        p = self._p
        x = labels.dot(p["label.weight"]) + p["label.bias"]
        out: Floats = self._dense_stack("label_feed", self._label_feed, x) @ p["label_embed.weight"]
        return out + p["label_embed.bias"]

    def tag(self, words: Floats) -> dict[str, Tagging]:
        """Best tags of each family there is."""
        out: dict[str, Tagging] = {}
        for name, crf in self._crf.items():
            x = words
            if name != "entity":
                x = np.concatenate([words, self._p["tag_embed.weight"][out["entity"].tags]], axis=1)
            out[name] = crf.decode(x @ self._p[f"emit.{name}.weight"] + self._p[f"emit.{name}.bias"])
        return out


def _attend(mixed: Floats, heads: int) -> Floats:
    """Self-attention of one text, given its queries, keys and values. Shapes: (T, 3H) -> (T, H)"""
    length, hidden = mixed.shape[0], mixed.shape[1] // 3
    size = hidden // heads
    q, k, v = mixed.reshape(length, 3, heads, size).transpose(1, 2, 0, 3)  # (heads, T, d)
    scores = softmax((q @ k.transpose(0, 2, 1)) * np.float32(size**-0.5))
    out: Floats = (scores @ v).transpose(1, 0, 2).reshape(length, hidden)
    return out


_AS_THEY_ARE = ("sparse_tokens.", "sparse_sentence.", "label.weight", "tag_embed.", "crf.")


def _prepared(name: str, value: NDArray[Any], state: Mapping[str, NDArray[Any]]) -> Floats:
    array = np.asarray(value, np.float32)
    keep = state.get(f"{name.removesuffix('weight')}keep") if name.endswith(".weight") else None
    if keep is not None:
        array = array * np.asarray(keep)
    if array.ndim == 2 and name.endswith(".weight") and not name.startswith(_AS_THEY_ARE):
        array = array.T
    return np.ascontiguousarray(array)
