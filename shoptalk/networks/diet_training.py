"""Training of DIET."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shoptalk.networks.diet import Bag, Diet, DietBatch, DietRates, DietShape
from shoptalk.networks.losses import SimilarityLoss
from shoptalk.networks.optimisers import Adam, Group

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SparseArrays:
    """Rows of sparse features as arrays: indptr (R + 1,), columns and values (M,)."""

    indptr: Ints
    columns: Ints
    values: NDArray[np.float32]

    def bag(self) -> Bag:
        """As tensors."""
        return Bag(
            torch.from_numpy(self.columns), torch.from_numpy(self.values), torch.from_numpy(self.indptr)
        )


@dataclass(frozen=True, slots=True)
class DietText:
    """One training text.

    Args:
        length: T, words.
        sparse_tokens, dense_tokens: T rows.
        sparse_sentence, dense_sentence: one row.
        label: number, -1 without.
        tags: (T,) numbers of entity, role and group tags, None without entities.
    """

    length: int
    sparse_tokens: SparseArrays | None
    dense_tokens: NDArray[Any] | None
    sparse_sentence: SparseArrays | None
    dense_sentence: NDArray[Any] | None
    label: int
    tags: tuple[Ints | None, Ints | None, Ints | None]


@dataclass(frozen=True, slots=True)
class DietSettings:
    """How to train: passes, batch sizes at the beginning and end, balanced batches, step size, L2, masking, seed."""

    epochs: int = 300
    batch: tuple[int, int] = (64, 256)
    balanced: bool = True
    rate: float = 1e-3
    decay: float = 0.002
    masked: bool = False
    seed: int | None = None


def fit_diet(
    texts: Sequence[DietText],
    labels: SparseArrays | None,
    shape: DietShape,
    allowed: tuple[NDArray[np.bool_] | None, ...],
    rates: DietRates,
    loss: SimilarityLoss,
    settings: DietSettings,
    start: dict[str, NDArray[Any]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Train; returns the state as arrays. `start` continues from an earlier state of the same shape."""
    seed = settings.seed if settings.seed is not None else 13
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    moves = tuple(None if a is None else torch.from_numpy(a) for a in allowed)
    model = Diet(shape, moves, rates)
    if start is not None:
        model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in start.items()})
    model.train()
    decayed = [p for n, p in model.named_parameters() if p.ndim > 1 and not n.startswith("crf")]
    plain = [p for n, p in model.named_parameters() if p.ndim <= 1 or n.startswith("crf")]
    optimiser = Adam([Group(decayed, settings.rate, settings.decay / 100), Group(plain, settings.rate)])
    bag = labels.bag() if labels is not None else None
    for epoch in range(settings.epochs):
        part = epoch / max(1, settings.epochs - 1)
        size = int(settings.batch[0] + part * (settings.batch[1] - settings.batch[0]))
        for chosen in _batches(texts, size, settings.balanced, random):
            total = _loss(model, chosen, bag, loss, settings.masked)
            torch.autograd.backward(total)
            optimiser.step()
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def _batches(
    texts: Sequence[DietText], size: int, balanced: bool, random: np.random.Generator
) -> list[list[DietText]]:
    order = _balanced_order(texts, random) if balanced else list(random.permutation(len(texts)))
    return [[texts[i] for i in order[begin : begin + size]] for begin in range(0, len(order), size)]


def _balanced_order(texts: Sequence[DietText], random: np.random.Generator) -> list[int]:
    """All texts once in an order that spreads each label evenly over the batches."""
    by_label: dict[int, list[int]] = {}
    for place, text in enumerate(texts):
        by_label.setdefault(text.label, []).append(place)
    keyed: list[tuple[float, int]] = []
    for places in by_label.values():
        shuffled = random.permutation(len(places))
        shift = random.random()
        keyed.extend(((rank + shift) / len(places), places[i]) for rank, i in enumerate(shuffled))
    return [place for _, place in sorted(keyed)]


def make_batch(texts: Sequence[DietText]) -> DietBatch:
    """Texts as one batch."""
    longest = max(text.length for text in texts)
    mask = torch.zeros((len(texts), longest), dtype=torch.bool)
    for row, text in enumerate(texts):
        mask[row, : text.length] = True
    return DietBatch(
        mask,
        _join([t.sparse_tokens for t in texts]),
        _stack([t.dense_tokens for t in texts]),
        _join([t.sparse_sentence for t in texts]),
        _stack([t.dense_sentence for t in texts]),
    )


def _join(parts: Sequence[SparseArrays | None]) -> Bag | None:
    found = [p for p in parts if p is not None]
    if not found:
        return None
    sizes = np.concatenate([np.diff(p.indptr) for p in found])
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return SparseArrays(
        indptr, np.concatenate([p.columns for p in found]), np.concatenate([p.values for p in found])
    ).bag()


def _stack(parts: Sequence[NDArray[Any] | None]) -> Tensor | None:
    found = [p for p in parts if p is not None]
    return torch.from_numpy(np.concatenate(found).astype(np.float32)) if found else None


def _loss(
    model: Diet, texts: Sequence[DietText], labels: Bag | None, loss: SimilarityLoss, masked: bool
) -> Tensor:
    batch = make_batch(texts)
    hidden = None
    if masked:
        hidden = batch.mask & (torch.rand(batch.mask.shape) < 0.15)
    words, whole = model(batch, hidden)
    total = words.new_zeros(())
    expected = torch.tensor([text.label for text in texts])
    known = expected >= 0
    if labels is not None and bool(known.any()):
        total = total + loss(model.embed_text(whole[known]), model.embed_labels(labels), expected[known])
    if hidden is not None and bool(hidden.any()):
        with torch.no_grad():
            clean, _ = model(batch)
        guess, truth = words[hidden], clean[hidden]
        scores = guess @ truth.T / np.sqrt(guess.shape[1])
        total = total + torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))
    tagged: Tensor = _tag_loss(model, texts, words, batch.mask)
    joined: Tensor = tagged + total
    return joined


def _tag_loss(model: Diet, texts: Sequence[DietText], words: Tensor, mask: Tensor) -> Tensor:
    total = words.new_zeros(())
    entity: Tensor | None = None
    for family, name in enumerate(("entity", "role", "group")):
        if name not in model.crf:
            continue
        tags = torch.zeros(mask.shape, dtype=torch.long)
        for row, text in enumerate(texts):
            found = text.tags[family]
            if found is not None:
                tags[row, : text.length] = torch.from_numpy(found)
        emissions = model.emissions(name, words, entity)
        crf: Any = model.crf[name]
        total = total + crf.loss(emissions, tags, mask).sum() / mask.sum() * 4.0
        entity = tags if name == "entity" else entity
    loss: Tensor = total
    return loss
