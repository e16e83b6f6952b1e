"""What a word looks like, as hashed columns: its letters, its neighbours, the patterns that hit it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shoptalk.nlu.features.ngrams import fold_word
from shoptalk.nlu.message import Token

Ints = NDArray[np.int64]

_RUN = re.compile(r"(.)\1{3,}")


def shape_columns(tokens: Sequence[Token], width: int) -> tuple[Ints, Ints]:
    """Hashed features of each word.

    Args:
        tokens: the words; `data["pattern"]` of a word names the patterns that hit it.
        width: number of columns.

    Returns:
        (M,) columns and (T + 1,) where each word's begin.
    """
    words = [fold_word(token.lemma) for token in tokens]
    padded = ["<s>", "<s>", *words, "</s>", "</s>"]
    columns: list[int] = []
    offsets = [0]
    for place, token in enumerate(tokens):
        names = _own(token, words[place])
        names += _around(padded, place + 2)
        if place:
            glued = tokens[place - 1].end == token.start
            names.append("glued" if glued else "apart")
        columns.extend(zlib.crc32(name.encode("utf-8", "surrogatepass")) % width for name in names)
        offsets.append(len(columns))
    return np.asarray(columns, np.int64), np.asarray(offsets, np.int64)


def _own(token: Token, word: str) -> list[str]:
    names = [f"w={word}", f"x={_outline(token.text)}", f"n={min(len(word), 8)}"]
    if len(word) > 2:
        names += [f"p={word[:2]}", f"p={word[:3]}", f"s={word[-2:]}", f"s={word[-3:]}"]
    if len(word) > 4:
        names += [f"c={word[i : i + 4]}" for i in range(len(word) - 3)]
    names += [f"r={name}" for name, hit in token.data.get("pattern", {}).items() if hit]
    return names


def _around(words: Sequence[str], at: int) -> list[str]:
    before, word, after = words[at - 1], words[at], words[at + 1]
    return [
        f"-1={before}",
        f"+1={after}",
        f"-2={words[at - 2]}",
        f"+2={words[at + 2]}",
        f"-1,0={before} {word}",
        f"0,+1={word} {after}",
    ]


def _outline(text: str) -> str:
    """`Xx0` for letters and digits, runs shortened: `SO-10234` is `XX-0000`."""
    marks = "".join(_mark(c) for c in text[:24])
    return _RUN.sub(r"\1\1\1\1", marks)


def _mark(character: str) -> str:
    if character.isdigit():
        return "0"
    if character > "\u2e7f" and character.isalpha():
        return "C"
    if character.isalpha():
        return "X" if character.isupper() else "x"
    return character
