"""SpellingCorrector: what is read for a word that nobody ever wrote, where one slip away stands one that many did.

Source: candidates one slip away, the most frequent first (Norvig, "How to Write a Spelling Corrector", 2007). Words of one
project decide, so "jaket" becomes "jacket" in a clothes shop.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import TOKENS
from shoptalk.nlu.message import Message, Reading, Token
from shoptalk.nlu.options import read_options

DEFAULTS: dict[str, Any] = {"words": "all-MiniLM-L6-v2", "least_seen": 3, "least_letters": 3, "offline": True}

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_LONGEST = 24
"""Letters of a word that are worth a look; candidates grow with them."""
RARE, TIMES_AS_FREQUENT, LEAST_LETTERS_OF_RARE = 2, 10, 5
"""Of words that the training data itself may have misspelt: times seen at most, how much more often the word that is meant
is seen, and letters."""


class SpellingCorrector:
    """Lets later featurizers read English words without their slips; the text and its entities stay as written.

    A word is corrected when neither the training data nor the vocabulary of a pretrained encoder has it, and a word
    that the training data or a lookup table has often is one slip away: a letter too many, too few, another, or two
    swapped. Of a word that the training data has once or twice, itself a slip perhaps ("retrun"), only a letter too
    few or two swapped are mended, for a word at least ten times as frequent: "mend" shall not become "send". Names
    inside a sentence (capitals), numbers and addresses are left alone. The output key `read_as` says what was read,
    if it is not what was written.

    Keys: `words` (encoder whose vocabulary says which words there are; null: only the training data), `least_seen`
    (how often the training data has a word that is corrected to), `least_letters` (of a word that is corrected), `offline`.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = ()
    is_light: ClassVar[bool] = True

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("SpellingCorrector", config, DEFAULTS)
        self._seen: Counter[str] = Counter()
        self._known: frozenset[str] = frozenset()

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Count the words of the examples and lookup tables."""
        from shoptalk.encoders.vocabulary import whole_words

        often: int = self.options["least_seen"]
        names = {word for table in data.lookups for name in table.elements for word in _words(name)}
        self._seen = Counter(word for m in messages for t in m.tokens for word in _words(t.lemma))
        self._seen.update(dict.fromkeys(names, often))
        name = self.options["words"]
        words = whole_words(name, offline=self.options["offline"]) if name else ()
        self._known = frozenset(word for word in words if _WORD.fullmatch(word))

    def process(self, messages: list[Message]) -> None:
        """Write `reading`, and the lemmas of corrected words; texts of the training data are right by definition."""
        for message in messages:
            if message.example is not None:
                continue
            meant = [
                None if _beside_digit(message.text, token) else self._meant(token, place)
                for place, token in enumerate(message.tokens)
            ]
            if any(meant):
                message.reading = _read(message, meant)
                message.output["read_as"] = message.reading.text

    def _meant(self, token: Token, place: int) -> str | None:
        """Another word than the one that stands there, or None."""
        word = token.text.lower()
        if not self.options["least_letters"] <= len(word) <= _LONGEST or not _WORD.fullmatch(word):
            return None
        seen, least = self._seen[word], self.options["least_seen"]
        if seen > RARE or word in self._known or (place and token.text[0].isupper()):
            return None
        if seen and len(word) < LEAST_LETTERS_OF_RARE:
            return None
        near = _hasty_slips(word) if seen else _one_slip_away(word)
        found = [other for other in near if self._seen[other] >= max(least, TIMES_AS_FREQUENT * seen)]
        return max(found, key=lambda near: (self._seen[near], near)) if found else None

    def save(self) -> Saved:
        """Words with how often they were seen, and those that are known besides."""
        return Saved({"seen": dict(sorted(self._seen.items())), "known": sorted(self._known)}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._seen = Counter(saved.config["seen"])
        component._known = frozenset(saved.config["known"])
        return component


def _beside_digit(text: str, token: Token) -> bool:
    """Whether it is part of a code, as in "ab12"."""
    return text[token.start - 1 : token.start].isdigit() or text[token.end : token.end + 1].isdigit()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _hasty_slips(word: str) -> set[str]:
    """What stands one letter too few, or two swapped, away."""
    halves = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    swapped = {left + right[1] + right[0] + right[2:] for left, right in halves if len(right) > 1}
    return swapped | {left + letter + right for left, right in halves for letter in LETTERS}


def _one_slip_away(word: str) -> set[str]:
    halves = [(word[:at], word[at:]) for at in range(len(word))]
    out = {left + right[1:] for left, right in halves}
    out |= {left + letter + right[1:] for left, right in halves for letter in LETTERS}
    return out | _hasty_slips(word)


def _read(message: Message, meant: list[str | None]) -> Reading:
    """The text with the words that were meant; `meant` has one for each token, None where it stays."""
    pieces, tokens, at, length = [], [], 0, 0
    for token, word in zip(message.tokens, meant, strict=True):
        if word is not None:
            token.lemma = word
        piece = message.text[at : token.start]
        shown = word or message.text[token.start : token.end]
        start = length + len(piece)
        length = start + len(shown)
        tokens.append(Token(shown, start, length, token.lemma))
        pieces += [piece, shown]
        at = token.end
    return Reading("".join(pieces) + message.text[at:], tokens)
