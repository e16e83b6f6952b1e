"""A linear softmax classifier over dense vectors and sparse columns, trained in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from shoptalk.networks import quick
from shoptalk.networks.optimisers import Adam, Group

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LinearData:
    """N training rows.

    Args:
        dense: (N, D), D may be 0.
        indptr, columns, values: the sparse part, row-compressed.
        width: number of sparse columns.
        labels: (N,).
        classes: K.
        views: widths of blocks of the dense columns, which learn beside one another; none is one block.
    """

    dense: Floats
    indptr: Ints
    columns: Ints
    values: Floats
    width: int
    labels: Ints
    classes: int
    views: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LinearWeights:
    """dense (D, K), sparse (S, K), bias (K,)."""

    dense: Floats
    sparse: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class LinearSettings:
    """How to train.

    Args:
        epochs: passes over the data; more when that would be fewer than `least_steps` steps.
        least_steps: at least so many steps of the optimiser.
        dense_rate, sparse_rate: step sizes at the beginning.
        decay: of weights, decoupled (AdamW).
        smoothing: of labels.
        dropout: of inputs.
        batch: rows a step; fewer when the data are few.
        seed: of all that is random.
    """

    epochs: int = 15
    least_steps: int = 600
    dense_rate: float = 0.01
    sparse_rate: float = 0.02
    decay: float = 1.0
    smoothing: float = 0.0
    dropout: float = 0.1
    batch: int = 256
    seed: int = 13


class _Linear(nn.Module):
    def __init__(self, data: LinearData) -> None:
        super().__init__()
        self.widths = list(data.views or (data.dense.shape[1],))
        self.dense = nn.Parameter(torch.zeros(sum(self.widths), data.classes))
        self.sparse = nn.Parameter(torch.zeros(data.width, data.classes))
        self.bias = nn.Parameter(torch.zeros(len(self.widths), 1, data.classes))

    def forward(self, dense: Tensor, columns: Tensor, offsets: Tensor, values: Tensor) -> Tensor:
        """Logits (V, B, K) by each view of the text with the sparse columns."""
        pairs = zip(torch.split(dense, self.widths, 1), torch.split(self.dense, self.widths), strict=True)
        out = torch.stack([x @ weight for x, weight in pairs]) + self.bias
        if len(columns):
            out = out + functional.embedding_bag(
                columns, self.sparse, offsets, mode="sum", per_sample_weights=values, include_last_offset=True
            )
        return out


def fit_linear(data: LinearData, settings: LinearSettings) -> LinearWeights:
    """Train.

    The learning rate falls linearly to zero; dense inputs are expected to be of unit scale per column. Each view
    learns to tell the labels apart without the others, so that none rests on the strongest; the weights returned
    give the mean of their logits.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)
    used, compact = _compact(data)
    model = _Linear(compact)
    rows = len(data.labels)
    batch = min(settings.batch, max(16, rows // 16))
    epochs = max(settings.epochs, settings.least_steps // -(-rows // batch))
    steps = epochs * -(-rows // batch)
    optimiser = Adam(
        [
            Group([model.dense, model.bias], settings.dense_rate, settings.decay),
            Group([model.sparse], settings.sparse_rate, settings.decay),
        ],
        decoupled=True,
    )
    step = 0
    dense, labels = torch.from_numpy(compact.dense), torch.from_numpy(data.labels)
    for _ in range(epochs):
        order = torch.randperm(rows, generator=generator).numpy()
        for begin in range(0, rows, batch):
            chosen = order[begin : begin + batch]
            columns, offsets, values = _rows(compact, chosen)
            x = quick.dropout(dense[chosen], settings.dropout)
            values = quick.dropout(values, settings.dropout)
            logits = model(x, columns, offsets, values)
            wanted = labels[chosen].repeat(len(logits))
            loss = functional.cross_entropy(logits.flatten(0, 1), wanted, label_smoothing=settings.smoothing)
            torch.autograd.backward(loss)
            optimiser.step(max(0.0, 1 - step / steps))
            step += 1
    sparse = np.zeros((data.width, data.classes), np.float32)
    sparse[used] = model.sparse.detach().numpy()
    mean = model.dense.detach() / len(model.widths)
    return LinearWeights(mean.numpy(), sparse, model.bias.detach().mean(dim=(0, 1)).numpy())


def _compact(data: LinearData) -> tuple[Ints, LinearData]:
    """The columns that occur, and the data renumbered to them: fewer parameters to step."""
    used, renumbered = np.unique(data.columns, return_inverse=True)
    return used, LinearData(
        data.dense,
        data.indptr,
        renumbered.astype(np.int64),
        data.values,
        len(used),
        data.labels,
        data.classes,
        data.views,
    )


def _rows(data: LinearData, chosen: Ints) -> tuple[Tensor, Tensor, Tensor]:
    sizes = data.indptr[chosen + 1] - data.indptr[chosen]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes) + np.repeat(data.indptr[chosen], sizes)
    return (
        torch.from_numpy(data.columns[places]),
        torch.from_numpy(offsets),
        torch.from_numpy(data.values[places]),
    )
