"""WhitespaceTokenizer: words between spaces, without the punctuation around them, as Rasa cuts them."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

import regex

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import TOKENS
from shoptalk.nlu.message import Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.tokenizers.base import DEFAULTS, apply_pattern, locate, text_tokens

_LOOSE = r"[^\w#@&]+"
_INSIDE = r"[^\w." + re.escape("_~:/?#[]()@!$&*+,;=-") + r"]+"
_BEFORE_SPACE = _LOOSE + r"(?=\s|\Z)"
_AFTER_SPACE = r"(?:\s|\A)" + _LOOSE + r"(?=[^0-9\s])"
_BETWEEN_LETTERS = r"(?<=[^0-9\s])" + _INSIDE + r"(?=[^0-9\s])"
# Python's own `re` takes vowel signs (as of Hindi or Sinhala) for punctuation.
_BREAK = regex.compile("|".join((_BEFORE_SPACE, _AFTER_SPACE, _BETWEEN_LETTERS)))

_PICTURES = re.compile(
    r"[\u2500-\u2bef\u24c2-\U0001f251\U0001f1e0-\U0010ffff\u2640-\u2642\u2600-\u2b55\u200d\u23cf\u23e9\u231a\ufe0f\u3030]+"
)


def split_words(text: str) -> list[Token]:
    """Words of a text: punctuation at the edges of words goes, inside numbers and addresses it stays."""
    words = [word for word in _BREAK.sub(" ", text).split() if not _PICTURES.fullmatch(word)]
    return locate(words or [text], text)


class WhitespaceTokenizer:
    """Cuts at spaces; drops loose punctuation and emoji; not for Chinese, Japanese or Thai."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (TOKENS,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("WhitespaceTokenizer", config, DEFAULTS)

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Write `tokens` and the output `text_tokens`."""
        for message in messages:
            message.tokens = apply_pattern(split_words(message.text), self.options["token_pattern"])
            message.output["text_tokens"] = text_tokens(message.tokens)

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)
