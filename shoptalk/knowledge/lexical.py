"""Lexical likeness: cosine of tf-idf vectors over words, word pairs, pieces of words and characters of Chinese."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_WORD = re.compile(r"[a-z0-9]+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_PIECES = (3, 4)
_HAN_PIECES = (1, 2, 3)


def terms(text: str) -> Iterator[str]:
    """Words, pairs of words, their pieces, and one to three Chinese characters in a row."""
    lower = text.lower()
    words = _WORD.findall(lower)
    yield from words
    yield from (f"{one} {two}" for one, two in itertools.pairwise(words))
    for word in words:
        padded = f"#{word}#"
        for size in _PIECES:
            yield from (padded[i : i + size] for i in range(len(padded) - size + 1))
    for run in _HAN.findall(lower):
        for size in _HAN_PIECES:
            yield from (run[i : i + size] for i in range(len(run) - size + 1))


class Lexicon:
    """Compares texts with the texts it was made of.

    Args:
        texts: P texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from scipy.sparse import csr_array

        counts = [Counter(terms(text)) for text in texts]
        found_in = Counter(term for count in counts for term in count)
        size = len(texts)
        self._places = {term: place for place, term in enumerate(sorted(found_in))}
        self._rarity = {term: math.log((1 + size) / (1 + times)) + 1 for term, times in found_in.items()}
        rows = [self._weights(count) for count in counts]
        starts = np.cumsum([0, *(len(places) for places, _ in rows)])
        columns = np.array([place for places, _ in rows for place in places], np.int32)
        values = np.array([value for _, weights in rows for value in weights], np.float32)
        self._texts: Any = csr_array((values, columns, starts), shape=(size, len(self._places)))
        self._by_term: Any = self._texts.T.tocsr()

    def likeness(self, query: str) -> Floats:
        """(P,) cosine of each text and the query."""
        places, values = self._weights(Counter(terms(query)))
        out = np.zeros(self._texts.shape[0], np.float32)
        starts, columns, weights = self._by_term.indptr, self._by_term.indices, self._by_term.data
        for place, value in zip(places, values, strict=True):
            span = slice(starts[place], starts[place + 1])
            out[columns[span]] += value * weights[span]
        return out

    def all_pairs(self) -> Floats:
        """(P, P) cosine of each text and each other."""
        return np.asarray((self._texts @ self._by_term).toarray(), np.float32)

    def _weights(self, count: Counter[str]) -> tuple[list[int], list[float]]:
        known = {t: (1 + math.log(n)) * self._rarity[t] for t, n in count.items() if t in self._places}
        unknown = sum(
            (1 + math.log(n)) ** 2 for t, n in count.items() if t not in self._places and " " not in t
        )
        length = math.sqrt(sum(w * w for w in known.values()) + unknown) or 1.0
        return [self._places[t] for t in known], [w / length for w in known.values()]
