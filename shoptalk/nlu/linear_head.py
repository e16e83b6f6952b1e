"""The intent half of JointClassifier: a linear softmax over dense and sparse sentence features."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
            views: put an encoder's other looks at the texts beside the sentence features.
        """
        first = [m.dense_sentence(origins) for m in messages]
        sparse = [m.sparse_sentence(origins) for m in messages]
        blocks = [np.concatenate([d for d in first if d is not None])] if first[0] is not None else []
        if views and blocks:
            blocks += _views([m.views(origins) for m in messages])
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


MARGIN = 0.5
"""By which a head is made right about a new text; trained heads are by four, the usual text."""
PASSES = 3
"""Over new texts, as one may undo another."""
MEASURED = 2000
"""Rows by which columns are scaled for that."""


def adjusted(head: LinearHead, rows: Rows, names: Sequence[str], fresh: Collection[int]) -> LinearHead | None:
    """A head changed as little as makes it right about new texts, so that the rest stays as it was.

    Source: passive-aggressive updates, Crammer et al., Journal of Machine Learning Research 7 (2006).

    Args:
        head: as trained before.
        rows: features of all texts.
        names: their labels.
        fresh: places of the texts that are new.

    Returns:
        None where labels or columns are others than those of the head.
    """
    if tuple(sorted(set(names))) != head.labels or not _same_shape(head, rows):
        return None
    mean, scale = _standard(rows.dense[:: max(1, len(names) // MEASURED)])
    dense, sparse, bias = head.dense * scale[:, None], head.sparse.copy(), head.bias + mean @ head.dense
    none = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for place in sorted(fresh) * PASSES:
        x, label = (rows.dense[place] - mean) / scale, head.labels.index(names[place])
        row = rows.sparse.row(place) if rows.sparse is not None else None
        columns, values = (row.columns, row.values) if row is not None else none
        logits = x @ dense + values @ sparse[columns] + bias
        rival = int(np.argmax(np.where(np.arange(len(bias)) == label, -np.inf, logits)))
        short = MARGIN - (logits[label] - logits[rival])
        if short > 0 and rival != label:
            step = short / (2 * (x @ x + values @ values + 1))
            for number, share in ((label, step), (rival, -step)):
                dense[:, number] += share * x
                sparse[columns, number] += share * values
                bias[number] += share
    dense = (dense / scale[:, None]).astype(np.float32)
    return LinearHead(head.labels, dense, sparse, (bias - mean @ dense).astype(np.float32), head.temperature)


def train_head(rows: Rows, names: Sequence[str], settings: dict[str, Any]) -> LinearHead:
    """Fit a head to rows with their label names.

    Dense columns are brought to mean 0 and a common scale while training; the weights returned apply to the
    columns as they are.
    """
    from shoptalk.networks.linear import LinearData, LinearSettings, fit_linear

    labels = tuple(sorted(set(names)))
    numbers = {label: number for number, label in enumerate(labels)}
    mean, scale = _standard(rows.dense)
    sparse = rows.sparse
    empty = np.zeros(0, np.int64)
    data = LinearData(
        dense=((rows.dense - mean) / scale).astype(np.float32),
        indptr=np.zeros(len(names) + 1, np.int64) if sparse is None else sparse.indptr,
        columns=empty if sparse is None else sparse.columns,
        values=np.zeros(0, np.float32) if sparse is None else sparse.values,
        width=0 if sparse is None else sparse.width,
        labels=np.asarray([numbers[name] for name in names], np.int64),
        classes=len(labels),
        views=rows.views,
    )
    found = fit_linear(data, LinearSettings(**settings))
    dense = (found.dense / scale[:, None]).astype(np.float32)
    return LinearHead(labels, dense, found.sparse, (found.bias - mean @ dense).astype(np.float32))


def _views(found: Sequence[NDArray[Any] | None]) -> list[NDArray[Any]]:
    """V blocks (N, H) from what N texts have, each (V, H); none if one has nothing."""
    rows = [views for views in found if views is not None]
    return list(np.stack(rows, axis=1)) if len(rows) == len(found) else []


def _same_shape(head: LinearHead, rows: Rows) -> bool:
    width = 0 if rows.sparse is None else rows.sparse.width
    return bool(head.dense.shape[0] == rows.dense.shape[1] and head.sparse.shape[0] == width)


def _standard(dense: Floats) -> tuple[Floats, Floats]:
    if not dense.size:
        return np.zeros(dense.shape[1], np.float32), np.ones(dense.shape[1], np.float32)
    mean, scale = dense.mean(axis=0), dense.std(axis=0)
    floor = 0.05 * float(np.median(scale)) or 1.0
    return mean.astype(np.float32), np.maximum(scale, floor).astype(np.float32)
