"""Training of the entity tagger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shoptalk.networks.shapes import TaggerShape
from shoptalk.networks.tagger import Tagger


@dataclass(frozen=True, slots=True)
class TaggerText:
    """One training text.

    Args:
        vectors: (L, T, width) or None.
        columns, offsets: hashed features, (M,) and (T + 1,).
        tags: (T,) numbers.
        label: number of its intent, -1 where that shall not be learnt.
    """

    vectors: NDArray[Any] | None
    columns: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tags: NDArray[np.int64]
    label: int = -1


@dataclass(frozen=True, slots=True)
class TaggerSettings:
    """Passes over the data, words per batch, step size, decay, dropout, share of features hidden, seed."""

    epochs: int = 10
    words: int = 768
    rate: float = 2e-3
    decay: float = 0.01
    dropout: float = 0.3
    hide: float = 0.15
    seed: int = 13


def fit_tagger(
    texts: Sequence[TaggerText],
    shape: TaggerShape,
    allowed: NDArray[np.bool_],
    settings: TaggerSettings,
    start: Mapping[str, NDArray[Any]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Train; returns the state as arrays. `start` continues from an earlier state of the same shape."""
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    model = Tagger(shape, torch.from_numpy(allowed), settings.dropout)
    if start is not None:
        model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in start.items()})
    model.train()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.rate, weight_decay=settings.decay, fused=True
    )
    batches = _batches([len(t.tags) for t in texts], settings.words)
    steps = settings.epochs * len(batches)
    warm = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, max(0.02, 1 - step / steps))
    )
    for _ in range(settings.epochs):
        for number in random.permutation(len(batches)):
            chosen = [texts[place] for place in batches[number]]
            loss = _loss(model, chosen, settings.hide, random)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def _batches(lengths: Sequence[int], words: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    out: list[list[int]] = [[]]
    for place in order:
        if out[-1] and lengths[place] * (len(out[-1]) + 1) > words:
            out.append([])
        out[-1].append(place)
    return [batch for batch in out if batch]


def _loss(model: Tagger, texts: Sequence[TaggerText], hide: float, random: np.random.Generator) -> Tensor:
    longest = max(len(t.tags) for t in texts)
    mask = torch.zeros((len(texts), longest), dtype=torch.bool)
    tags = torch.zeros((len(texts), longest), dtype=torch.long)
    for row, text in enumerate(texts):
        mask[row, : len(text.tags)] = True
        tags[row, : len(text.tags)] = torch.from_numpy(text.tags)
    columns, offsets = _bags(texts, hide, random)
    vectors = None
    if texts[0].vectors is not None:
        joined = np.concatenate([t.vectors for t in texts if t.vectors is not None], axis=1)  # (L, N, width)
        vectors = torch.from_numpy(np.ascontiguousarray(joined.transpose(1, 0, 2), np.float32))
    emissions, votes = model(vectors, columns, offsets, mask)
    loss: Tensor = model.crf.loss(emissions, tags, mask).sum() / mask.sum() * 4.0
    labels = torch.tensor([text.label for text in texts])
    known = labels >= 0
    if votes is not None and bool(known.any()):
        loss = loss + functional.cross_entropy(votes[known], labels[known], label_smoothing=0.05)
    return loss


def _bags(texts: Sequence[TaggerText], hide: float, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    columns = np.concatenate([t.columns for t in texts])
    sizes = np.concatenate([np.diff(t.offsets) for t in texts])
    keep = random.random(len(columns)) >= hide
    owners = np.repeat(np.arange(len(sizes)), sizes)[keep]
    counts = np.bincount(owners, minlength=len(sizes))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return torch.from_numpy(columns[keep]), torch.from_numpy(offsets)
