"""What a knowledge index holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")
MIN_SENTENCE = 4


@dataclass(frozen=True, slots=True)
class Document:
    """One thing the shop knows.

    Args:
        id: unique in an index. `en/returns` and `zh/returns`, in the languages `en` and `zh`, are taken to say the
            same: what one of them is asked helps to find the other.
        title: what it is about, in a few words.
        text: the whole of it, as it may be told a shopper.
        questions: ways people ask for it; the more of them, the better it is found.
        language: of the text; a search may be held to one.
        category: a shelf to search on alone.
        url: where it can be read.
    """

    id: str
    title: str
    text: str
    questions: tuple[str, ...] = ()
    language: str = ""
    category: str = ""
    url: str = ""

    @property
    def topic(self) -> str:
        """The id without the language."""
        return self.id.removeprefix(f"{self.language}/") if self.language else self.id

    def sentences(self) -> Iterator[str]:
        """The sentences of the text."""
        for sentence in _SENTENCE.split(self.text):
            if len(sentence.strip()) >= MIN_SENTENCE:
                yield sentence.strip()
