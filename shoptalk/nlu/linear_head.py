"""The intent half of JointClassifier: a linear softmax over dense and sparse sentence features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.networks.inference import softmax
from shoptalk.nlu.message import Message
from shoptalk.nlu.sparse import Sparse, stack_rows

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Sentence features of N messages: dense (N, D), D may be 0, and sparse (N, S) or nothing.

    `views` are the widths of the blocks of `dense` that look at the texts differently, each fit to tell them apart.
    """

    dense: Floats
    sparse: Sparse | None
    views: tuple[int, ...] = ()

    @classmethod
    def of(cls, messages: Sequence[Message], origins: Sequence[str], *, views: bool = False) -> Rows:
        """The features of messages that went through the same featurizers.

        Args:
            messages: with features.
            origins: aliases of featurizers to take, all of them when empty.
            views: put views by an encoder's words beside the sentence features.
        """
        first = [m.dense_sentence(origins) for m in messages]
        sparse = [m.sparse_sentence(origins) for m in messages]
        blocks = [np.concatenate([d for d in first if d is not None])] if first[0] is not None else []
        if views and blocks:
            blocks += _word_views([m.layers(origins) for m in messages])
        rows = stack_rows([s for s in sparse if s is not None]) if sparse[0] is not None else None
        dense = np.concatenate(blocks, axis=1) if blocks else np.zeros((len(messages), 0), np.float32)
        return cls(np.ascontiguousarray(dense, np.float32), rows, tuple(b.shape[1] for b in blocks))

    @property
    def sentence(self) -> Floats:
        """The first view: what the featurizers say of the whole text."""
        return self.dense[:, : self.views[0]] if self.views else self.dense

    def take(self, places: Ints) -> Rows:
        """Some of the rows."""
        sparse = self.sparse
        chosen = stack_rows([sparse.row(int(p)) for p in places]) if sparse is not None else None
        return Rows(self.dense[places], chosen, self.views)


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Classes with their weights.

    Args:
        labels: names by number.
        dense (D, K), sparse (S, K), bias (K,): weights.
        temperature: by which logits are divided before the softmax, so that confidence is a frequency.
    """

    labels: tuple[str, ...]
    dense: Floats
    sparse: Floats
    bias: Floats
    temperature: float = 1.0

    def logits(self, rows: Rows) -> Floats:
        """(N, K)."""
        out: Floats = rows.dense @ self.dense + self.bias
        if rows.sparse is not None:
            out = out + rows.sparse.dot(self.sparse)
        return out

    def probabilities(self, rows: Rows) -> Floats:
        """(N, K), calibrated."""
        return softmax(self.logits(rows) / self.temperature)

    def save(self) -> Saved:
        """Labels and weights; the sparse table as 16-bit floats."""
        return Saved(
            {"labels": list(self.labels), "temperature": self.temperature},
            {"dense": self.dense, "sparse": self.sparse.astype(np.float16), "bias": self.bias},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """As it was."""
        t = saved.tensors
        return cls(
            tuple(saved.config["labels"]),
            t["dense"].astype(np.float32),
            t["sparse"].astype(np.float32),
            t["bias"].astype(np.float32),
            saved.config["temperature"],
        )


def train_head(
    rows: Rows, names: Sequence[str], settings: dict[str, Any], start: LinearHead | None = None
) -> LinearHead:
    """Fit a head to rows with their label names.

    Dense columns are brought to mean 0 and a common scale while training; the weights returned apply to the
    columns as they are.
    """
    from shoptalk.networks.linear import LinearData, LinearSettings, LinearWeights, fit_linear

    labels = tuple(sorted(set(names)))
    numbers = {label: number for number, label in enumerate(labels)}
    expected = np.asarray([numbers[name] for name in names], np.int64)
    warm = start if start is not None and start.labels == labels and _same_shape(start, rows) else None
    mean, scale = _standard(rows.dense)
    sparse = rows.sparse
    empty = np.zeros(0, np.int64)
    data = LinearData(
        dense=((rows.dense - mean) / scale).astype(np.float32),
        indptr=np.zeros(len(names) + 1, np.int64) if sparse is None else sparse.indptr,
        columns=empty if sparse is None else sparse.columns,
        values=np.zeros(0, np.float32) if sparse is None else sparse.values,
        width=0 if sparse is None else sparse.width,
        labels=expected,
        classes=len(labels),
        views=rows.views,
    )
    fit = LinearSettings(**settings)
    begin = None
    if warm is not None:
        fit = replace(
            fit, epochs=1, least_steps=20, dense_rate=fit.dense_rate / 5, sparse_rate=fit.sparse_rate / 5
        )
        dense = warm.dense * scale[:, None]
        begin = LinearWeights(dense, warm.sparse, warm.bias + mean @ warm.dense)
    found = fit_linear(data, fit, begin)
    dense = (found.dense / scale[:, None]).astype(np.float32)
    return LinearHead(labels, dense, found.sparse, (found.bias - mean @ dense).astype(np.float32))


def _word_views(layers: Sequence[NDArray[np.float16] | None]) -> list[Floats]:
    """(N, H) blocks from the encoder layers of N texts, each (L, T, H): the last layer's largest values, and the mean
    over the words in the middle layer, where there is more than one."""
    found = [block for block in layers if block is not None]
    if len(found) < len(layers):
        return []
    depth, _, width = found[0].shape
    out = np.zeros((2 if depth > 1 else 1, len(found), width), np.float32)
    for row, block in enumerate(found):
        if block.shape[1]:
            out[0, row] = block[-1].max(axis=0)
            if depth > 1:
                out[1, row] = block[(depth - 1) // 2].mean(axis=0, dtype=np.float32)
    return list(out)


def _same_shape(head: LinearHead, rows: Rows) -> bool:
    width = 0 if rows.sparse is None else rows.sparse.width
    return bool(head.dense.shape[0] == rows.dense.shape[1] and head.sparse.shape[0] == width)


def _standard(dense: Floats) -> tuple[Floats, Floats]:
    if not dense.size:
        return np.zeros(dense.shape[1], np.float32), np.ones(dense.shape[1], np.float32)
    mean, scale = dense.mean(axis=0), dense.std(axis=0)
    floor = 0.05 * float(np.median(scale)) or 1.0
    return mean.astype(np.float32), np.maximum(scale, floor).astype(np.float32)
