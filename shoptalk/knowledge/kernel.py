"""Which topic a question belongs to, learned from the passages: kernel ridge regression on topics.

A passage votes for its topic by how like it is to the question, and what is said of several topics counts less than
what sets one apart. The weights have a closed form, so learning is one linear solve.

Source: Rifkin, Yeo and Poggio, "Regularized least-squares classification" (2003).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SHARPNESS = 4.0
"""How fast a passage loses its vote as likeness falls from 1."""
RIDGE = 0.3
LARGEST = 6000
"""Passages beyond which the solve is not worth its time; then the nearest passage decides."""


def kernel(likeness: Floats) -> Floats:
    """Votes of passages from their likeness, 0..1."""
    return np.asarray(np.exp(SHARPNESS * (likeness - 1.0)), np.float32)


def learn(likeness: Floats, topics: NDArray[np.int64], count: int) -> Floats:
    """(P, T) weights of passages for topics.

    Args:
        likeness: (P, P) of passages.
        topics: (P,) the topic of each passage.
        count: T, how many topics there are.
    """
    wanted = np.eye(count, dtype=np.float32)[topics] - 1.0 / count
    matrix = kernel(likeness)
    matrix[np.diag_indices_from(matrix)] += RIDGE
    return np.asarray(np.linalg.solve(matrix, wanted), np.float32)


def best_of(values: Floats, topics: NDArray[np.int64], count: int) -> Floats:
    """(T,) the largest value among each topic's passages."""
    best = np.full(count, -1.0, np.float32)
    np.maximum.at(best, topics, values)
    return best
