"""Lexical search: BM25 over words, pieces of words and characters of Chinese.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75
_WORD = re.compile(r"[a-z0-9]+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_PIECE = 4


def terms(text: str) -> Iterator[str]:
    """Words, their four-letter pieces, and single and paired Chinese characters."""
    lower = text.lower()
    for word in _WORD.findall(lower):
        yield word
        padded = f"#{word}#"
        yield from (padded[i : i + _PIECE] for i in range(len(padded) - _PIECE + 1))
    for run in _HAN.findall(lower):
        yield from run
        yield from (run[i : i + 2] for i in range(len(run) - 1))


class Bm25:
    """Scores texts against queries.

    Args:
        texts: D texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = [sum(count.values()) for count in counts]
        mean = (sum(lengths) / len(lengths)) if lengths else 1.0
        found_in = Counter(term for count in counts for term in count)
        self._size = len(texts)
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for place, count in enumerate(counts):
            norm = K1 * (1 - B + B * lengths[place] / (mean or 1.0))
            for term, times in count.items():
                rarity = math.log(1 + (self._size - found_in[term] + 0.5) / (found_in[term] + 0.5))
                weight = rarity * times * (K1 + 1) / (times + norm)
                self._postings.setdefault(term, []).append((place, weight))

    def scores(self, query: str) -> NDArray[np.float32]:
        """(D,) how much each text has in common with the query."""
        out = np.zeros(self._size, dtype=np.float32)
        for term in set(terms(query)):
            for place, weight in self._postings.get(term, ()):
                out[place] += weight
        return out
