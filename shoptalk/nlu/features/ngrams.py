"""HashedNgrams: word and character n-grams in a fixed number of columns, with no vocabulary to fit.

Source: the hashing trick (Weinberger et al., arXiv 0902.2206). Retraining after one example therefore changes
no column, and a typo still shares most character n-grams with the word it was meant to be.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import Any, ClassVar, Self
from zlib import crc32

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.message import Features, Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.sparse import Sparse

DEFAULTS: dict[str, Any] = {
    "word_ngrams": [1, 2],
    "char_ngrams": [3, 5],
    "word_columns": 8192,
    "char_columns": 8192,
}

REMEMBERED = 30_000
"""Rows of training texts kept in this process, about a kilobyte each."""

_rows: dict[tuple[str, ...], Sparse] = {}


class HashedNgrams:
    """Sparse sentence features; each of the two halves is scaled to length 1.

    Keys: `word_ngrams` and `char_ngrams` (shortest and longest), `word_columns`, `char_columns`.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("HashedNgrams", config, DEFAULTS)
        self.alias: str = config.get("alias") or "HashedNgrams"
        self._settings = str([self.options[name] for name in DEFAULTS])

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Append one `Features` with a sparse sentence row."""
        for message in messages:
            row = self._known(message) if message.example is not None else self._row_of(message)
            message.features.append(Features(self.alias, sentence=row))

    def _row_of(self, message: Message) -> Sparse:
        return self.row([fold_word(token.lemma) for token in message.tokens])

    def _known(self, message: Message) -> Sparse:
        """The row of a training text, remembered: the next training in this process has most texts again."""
        key = (self._settings, *(token.lemma for token in message.tokens))
        row = _rows.get(key)
        if row is None:
            if len(_rows) >= REMEMBERED:
                _rows.clear()
            row = _rows[key] = self._row_of(message)
        return row

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)

    def row(self, words: list[str]) -> Sparse:
        """The (1, word_columns + char_columns) row of a text given as folded words."""
        low, high = self.options["word_ngrams"]
        width = self.options["word_columns"]
        grams = [
            " ".join(words[begin : begin + size]).encode("utf-8", "surrogatepass")
            for size in range(low, high + 1)
            for begin in range(len(words) - size + 1)
        ]
        columns, values = _hashed(grams, width)
        more_columns, more_values = _hashed(self._characters(words), self.options["char_columns"])
        return Sparse(
            np.asarray([0, len(columns) + len(more_columns)], np.int64),
            np.concatenate([columns, more_columns + width]),
            np.concatenate([values, more_values]),
            width + self.options["char_columns"],
        )

    def _characters(self, words: list[str]) -> list[bytes]:
        low, high = self.options["char_ngrams"]
        text = f" {join_words(words)} "
        places = [(i, i + size) for size in range(low, high + 1) for i in range(len(text) - size + 1)]
        if text.isascii():
            plain = text.encode()
            return [plain[begin:end] for begin, end in places]
        return [text[begin:end].encode("utf-8", "surrogatepass") for begin, end in places]


def fold_word(word: str) -> str:
    """Lower-case, compatibility forms folded, digits as `0`."""
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word)
    word = word.lower()
    if any(c.isdigit() for c in word):
        return "".join("0" if c.isdigit() else c for c in word)
    return word


def join_words(words: list[str]) -> str:
    """Words with spaces between, except between two characters of scripts that have none."""
    out: list[str] = []
    for word in words:
        if out and not (_unspaced(out[-1]) and _unspaced(word)):
            out.append(" ")
        out.append(word)
    return "".join(out)


def _unspaced(word: str) -> bool:
    return len(word) == 1 and word > "\u2e7f"


def _hashed(grams: list[bytes], width: int) -> tuple[Any, Any]:
    counts = Counter([crc32(gram) % width for gram in grams])
    columns = np.fromiter(counts, np.int64, len(counts))
    values = np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))
    norm = float(np.sqrt((values * values).sum()))
    return columns, values / norm if norm else values
