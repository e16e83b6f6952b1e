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

from shoptalk.networks.optimisers import Adam, Group
from shoptalk.networks.shapes import TaggerShape
from shoptalk.networks.tagger import Subwords, Tagger


@dataclass(frozen=True, slots=True)
class TaggerText:
    """One training text.

    Args:
        vectors: (L, T, width) or None.
        columns, offsets: hashed features, (M,) and (T + 1,).
        tags: (T,) numbers.
        label: number of its intent, -1 where that shall not be learnt.
        hidden: (S, H) what the tuned layers read, or None.
        ranges: (T, 2) which of those sub-words each word has.
    """

    vectors: NDArray[Any] | None
    columns: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tags: NDArray[np.int64]
    label: int = -1
    hidden: NDArray[Any] | None = None
    ranges: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class TaggerSettings:
    """Passes over the data, words per batch, step sizes (of the encoder's layers: `tune`), decay, dropout, share of
    features hidden, seed, whether the encoder's layers compute in 16 bits."""

    epochs: int = 10
    words: int = 640
    rate: float = 2e-3
    tune: float = 1e-4
    decay: float = 0.01
    dropout: float = 0.3
    hide: float = 0.15
    seed: int = 13
    half: bool = False


def fit_tagger(
    texts: Sequence[TaggerText],
    shape: TaggerShape,
    allowed: NDArray[np.bool_],
    settings: TaggerSettings,
    start: Mapping[str, NDArray[Any]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Train; returns the state as arrays.

    `start` gives parameters to begin with: an earlier state of the same shape, or the encoder's layers alone.
    """
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    model = Tagger(shape, torch.from_numpy(allowed), settings.dropout)
    if start is not None:
        given = {name: torch.from_numpy(np.array(value)) for name, value in start.items()}
        model.load_state_dict(given, strict=False)
        if shape.upper and shape.labels and "vote.weight" not in given:
            _prime_vote(model, texts)
    model.train()
    model.in_16_bits = settings.half
    optimiser = _optimiser(model, settings)
    batches = _batches([len(t.tags) for t in texts], settings.words)
    steps = settings.epochs * len(batches)
    warm = max(1, steps // 20)
    step = 0
    for _ in range(settings.epochs):
        for number in random.permutation(len(batches)):
            chosen = [texts[place] for place in batches[number]]
            loss = _loss(model, chosen, settings.hide, random)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step(min((step + 1) / warm, max(0.02, 1 - step / steps)))
            step += 1
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def _optimiser(model: Tagger, settings: TaggerSettings) -> Adam:
    upper = [value for name, value in model.named_parameters() if name.startswith("upper.")]
    rest = [value for name, value in model.named_parameters() if not name.startswith("upper.")]
    groups = (Group(rest, settings.rate, settings.decay), Group(upper, settings.tune, settings.decay))
    return Adam(groups, decoupled=True)


SHARPNESS = 20.0
"""Of the first votes: about what turns cosines of sentence encoders into probabilities."""


def _prime_vote(model: Tagger, texts: Sequence[TaggerText]) -> None:
    """Begin with votes by nearness to each intent's mean text, so that the tuned layers get useful gradients at once."""
    model.eval()
    rows, labels = [], []
    known = [text for text in texts if text.label >= 0]
    with torch.no_grad():
        for batch in _batches([len(t.tags) for t in known], 4096):
            chosen = [known[place] for place in batch]
            rows.append(model.tune(_subwords(chosen))[1])
            labels += [text.label for text in chosen]
    points, numbers = torch.cat(rows), torch.tensor(labels)
    sums = torch.zeros((model.shape.labels, points.shape[1])).index_add_(0, numbers, points)
    counts = torch.bincount(numbers, minlength=model.shape.labels).clamp_min(1)
    centred = functional.normalize(sums / counts[:, None] - points.mean(0))
    width = points.shape[1]
    with torch.no_grad():
        model.vote.weight[:, -width:] = centred * (SHARPNESS / width**0.5)


def _subwords(texts: Sequence[TaggerText]) -> Subwords:
    found = [t.hidden for t in texts if t.hidden is not None]
    longest = max(len(rows) for rows in found)
    hidden = np.zeros((len(found), longest, found[0].shape[1]), np.float32)
    mask = np.zeros((len(found), longest), bool)
    for row, rows in enumerate(found):
        hidden[row, : len(rows)] = rows
        mask[row, : len(rows)] = True
    ranges = [t.ranges + row * longest for row, t in enumerate(texts) if t.ranges is not None]
    return Subwords(
        torch.from_numpy(hidden), torch.from_numpy(mask), torch.from_numpy(np.concatenate(ranges))
    )


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
        vectors = torch.from_numpy(joined).float()
    subwords = _subwords(texts) if model.shape.upper else None
    emissions, votes = model(vectors, columns, offsets, mask, subwords)
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
