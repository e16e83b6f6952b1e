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
    """Sentence features of N messages: dense (N, D), D may be 0, and sparse (N, S) or nothing."""

    dense: Floats
    sparse: Sparse | None

    @classmethod
    def of(cls, messages: Sequence[Message], origins: Sequence[str]) -> Rows:
        """The features of messages that went through the same featurizers."""
        dense = [m.dense_sentence(origins) for m in messages]
        sparse = [m.sparse_sentence(origins) for m in messages]
        joined = np.concatenate([d for d in dense if d is not None]) if dense[0] is not None else None
        rows = stack_rows([s for s in sparse if s is not None]) if sparse[0] is not None else None
        if joined is None:
            joined = np.zeros((len(messages), 0), np.float32)
        return cls(np.ascontiguousarray(joined, np.float32), rows)

    def take(self, places: Ints) -> Rows:
        """Some of the rows."""
        sparse = self.sparse
        chosen = stack_rows([sparse.row(int(p)) for p in places]) if sparse is not None else None
        return Rows(self.dense[places], chosen)


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


def _same_shape(head: LinearHead, rows: Rows) -> bool:
    width = 0 if rows.sparse is None else rows.sparse.width
    return bool(head.dense.shape[0] == rows.dense.shape[1] and head.sparse.shape[0] == width)


def _standard(dense: Floats) -> tuple[Floats, Floats]:
    if not dense.size:
        return np.zeros(dense.shape[1], np.float32), np.ones(dense.shape[1], np.float32)
    mean, scale = dense.mean(axis=0), dense.std(axis=0)
    floor = 0.05 * float(np.median(scale)) or 1.0
    return mean.astype(np.float32), np.maximum(scale, floor).astype(np.float32)
