"""Biases of attention by how far apart two tokens are.

Source: Raffel et al., arXiv 1910.10683; MPNet (arXiv 2004.09297) has them with 32 buckets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FARTHEST = 128
"""Tokens this far apart or farther share a bucket."""


def relative_buckets(length: int, buckets: int) -> NDArray[np.int64]:
    """(T, T) bucket of the place that is looked at (column) as seen from the place that looks (row).

    Half of the buckets are for places after it; of each half the first half stands for single distances, the rest for
    ranges that grow by a constant factor.
    """
    apart = np.arange(length)[None] - np.arange(length)[:, None]
    half = buckets // 2
    exact = half // 2
    far = np.log(np.maximum(np.abs(apart), 1) / exact) / np.log(FARTHEST / exact) * (half - exact)
    coarse = np.minimum(exact + far.astype(np.int64), half - 1)
    found = np.where(np.abs(apart) < exact, np.abs(apart), coarse)
    return np.asarray(found + half * (apart > 0), np.int64)


def relative_bias(table: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """(heads, T, T) what attention scores get added, from a (buckets, heads) table."""
    return np.ascontiguousarray(table[relative_buckets(length, len(table))].transpose(2, 0, 1))
