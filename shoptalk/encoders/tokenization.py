"""Sub-word tokens of an encoder: one fast path, with character offsets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Sub-words of a text.

    Args:
        ids: (S,) all ids, special ones and the prefix included.
        inside: (T,) positions in `ids` that belong to the text itself.
        offsets: (T, 2) their half-open character offsets in the text.
    """

    ids: Ints
    inside: Ints
    offsets: Ints


class SubwordTokenizer:
    """A `tokenizers` tokenizer with truncation and no padding.

    Args:
        path: tokenizer.json.
        longest: truncate to so many ids.
    """

    def __init__(self, path: Path, longest: int) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)

    def encode(self, text: str, prefix: str = "") -> Pieces:
        """Sub-words of one text; those of `prefix` are not among `inside`."""
        found = self._tokenizer.encode(prefix + text)
        return _pieces(found.ids, found.offsets, found.special_tokens_mask, len(prefix))

    def encode_batch(self, texts: Sequence[str], prefix: str = "") -> list[Pieces]:
        """Sub-words of many texts."""
        batch = self._tokenizer.encode_batch([prefix + text for text in texts])
        return [_pieces(found.ids, found.offsets, found.special_tokens_mask, len(prefix)) for found in batch]


def _pieces(ids: list[int], offsets: list[tuple[int, int]], special: list[int], shift: int) -> Pieces:
    inside = [
        place
        for place, (start, end) in enumerate(offsets)
        if not special[place] and end > shift and end > start
    ]
    spans = np.asarray([offsets[place] for place in inside], np.int64).reshape(-1, 2) - shift
    return Pieces(np.asarray(ids, np.int64), np.asarray(inside, np.int64), np.maximum(spans, 0))
