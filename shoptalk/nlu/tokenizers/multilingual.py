"""MultilingualTokenizer: words where a script has spaces, single characters where it has none.

Entity spans in Chinese then need no word segmentation: a span begins and ends at a character. Words of
letters and digits stay whole ("10234", "anna@example.com", "S码" -> "S", "码"); full-width forms are folded
for features only, so offsets are those of the text as written.

Chinese in the other script than the training data's is read in theirs (`shoptalk.nlu.han`), by this component and all
that follow: "訂單" is "订单" where that is what the examples say, and so is an entity's value.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import TOKENS
from shoptalk.nlu.han import Table, table_for
from shoptalk.nlu.message import Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.tokenizers.base import DEFAULTS, apply_pattern, text_tokens

CJK = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U000323af"
"""Scripts written without spaces, as a character class: Han, kana, Hangul syllables."""

_ADDRESS = r"[a-z0-9_.+-]+@[a-z0-9_-]+(?:\.[a-z0-9_-]+)+|https?://[!-~]+"
_NUMBER = r"\d+(?:[.,:/]\d+)*"
_LETTER = rf"[^\W\d_{CJK}]"


@cache
def _token() -> re.Pattern[str]:
    """What a token is; an accent or a vowel sign that stands alone belongs to the letter before it."""
    signs = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
    marks = f"[{signs}\u200c\u200d]"  # and the joiners of words
    letters = rf"{_LETTER}+(?:{marks}+{_LETTER}*)*"
    genitive = rf"['\u2019]s(?!{_LETTER})"  # a word of its own: an entity may end before it, as in [today]'s
    word = rf"{letters}(?:(?!{genitive})['\u2019]{letters})?|{genitive}"
    initial = r"(?<=\b[a-z])\."  # of "u. s."; elsewhere a full stop is no word
    return re.compile(rf"{_ADDRESS}|[{CJK}]{marks}*|{_NUMBER}|{word}|{initial}|[#$€£¥￥%+]|_+")


def fold(text: str) -> str:
    """Lower-case with full-width and compatibility forms folded, character by character, same length."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_one(character) for character in text)


def _fold_one(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


class MultilingualTokenizer:
    """Words, numbers and addresses whole; Chinese and Japanese characters one by one.

    Keys: `one_script` (False leaves traditional and simplified Chinese as they stand). The output key `read_as` says what
    was read, if it is not what was written.
    """

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (TOKENS,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("MultilingualTokenizer", config, {**DEFAULTS, "one_script": True})
        self._script: Table = {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """See which script the examples are in."""
        self._script = table_for(m.text for m in messages) if self.options["one_script"] else {}

    def process(self, messages: list[Message]) -> None:
        """Write `tokens` (their lemma is the folded form) and the output `text_tokens`."""
        for message in messages:
            self._read(message)
            words = _cut(message.text) if message.example is None else _known(message.text)
            message.tokens = apply_pattern([Token(*word) for word in words], self.options["token_pattern"])
            if message.example is None:  # nobody reads the output of a training text
                message.output["text_tokens"] = text_tokens(message.tokens)

    def _read(self, message: Message) -> None:
        if not self._script or message.text.isascii():
            return
        read = message.text.translate(self._script)
        if read != message.text:
            message.text = message.output["read_as"] = read

    def save(self) -> Saved:
        """The characters that are read for others, in pairs."""
        return Saved({"script": "".join(chr(code) + read for code, read in self._script.items())}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component, pairs = cls(config), saved.config.get("script", "")
        component._script = dict(zip(map(ord, pairs[::2]), pairs[1::2], strict=True))
        return component


def split_multilingual(text: str) -> list[Token]:
    """Tokens of a text in any script; a text without a single word is one token."""
    return [Token(*word) for word in _cut(text)]


def _cut(text: str) -> list[tuple[str, int, int, str]]:
    folded = fold(text)
    spans = [(*match.span(), match.group()) for match in _token().finditer(folded)]
    return [(text[start:end], start, end, word) for start, end, word in spans] or [
        (text, 0, len(text), folded)
    ]


_known = lru_cache(maxsize=30_000)(_cut)
"""Of training texts: the next training in this process has most of them again."""
