"""Which texts a short pass over an earlier model sees: those that are new, and some that it knows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

REPLAYED = 1200
"""At least so many known texts are seen again with new ones, so that nothing is forgotten."""
REPLAYED_EACH = 2
"""Known texts seen again for each new one."""
FEW, TIMES = 40, 4
"""Fewer new texts than this are seen so many times: one step would hardly teach a single one."""


def replayed(fresh: Collection[int], count: int, seed: int) -> list[int]:
    """Places among `count` texts, those of `fresh` and a sample of the others."""
    known = np.setdiff1d(np.arange(count), list(fresh))
    some = min(len(known), max(REPLAYED, REPLAYED_EACH * len(fresh)))
    sample = np.random.default_rng([seed, count]).choice(known, some, replace=False)
    return [*sorted(fresh) * (TIMES if len(fresh) < FEW else 1), *sample.tolist()]
