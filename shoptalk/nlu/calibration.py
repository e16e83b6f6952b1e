"""How sure a classifier may be: a held-out part of the training data, a temperature, a threshold.

Source of temperature scaling: Guo et al., arXiv 1706.04599.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoptalk.networks.inference import softmax

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LEAST = 20
"""Fewer held-out texts say nothing."""


def split_held_out(names: Sequence[str], share: float, seed: int) -> tuple[Ints, Ints]:
    """Positions to fit on and to hold out, none when there are too few.

    Every label keeps at least one example to fit on.
    """
    random = np.random.default_rng(seed)
    by_label: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        by_label.setdefault(name, []).append(place)
    held: list[int] = []
    for places in by_label.values():
        order = random.permutation(len(places))
        count = int(len(places) * share + random.random())
        held.extend(places[i] for i in order[: min(count, len(places) - 1)])
    chosen = np.zeros(len(names), bool)
    if len(held) >= LEAST:
        chosen[held] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def fit_temperature(logits: Floats, expected: Ints) -> float:
    """What to divide logits by so that confidence is the share of right answers.

    Shapes: logits (N, K), expected (N,).
    """
    grid = np.geomspace(0.25, 8.0, 61)
    return float(grid[int(np.argmin([_loss(logits / t, expected) for t in grid]))])


def _loss(logits: Floats, expected: Ints) -> float:
    chance = softmax(logits)[np.arange(len(expected)), expected]
    return float(-np.log(np.maximum(chance, 1e-9)).mean())


def log_softmax(logits: Floats) -> Floats:
    """Over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    out: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return out
