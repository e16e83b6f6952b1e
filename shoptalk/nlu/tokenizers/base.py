"""What all tokenizers share: Rasa's options, and finding words in a text again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shoptalk.nlu.message import Token

DEFAULTS: dict[str, Any] = {
    "intent_tokenization_flag": False,
    "intent_split_symbol": "_",
    "token_pattern": None,
    "prefix_separator_symbol": None,
    "case_sensitive": True,
}


def locate(words: Iterable[str], text: str, start: int = 0) -> list[Token]:
    """Tokens of `words`, each found in `text` to the right of the one before."""
    tokens = []
    for word in words:
        begin = text.index(word, start)
        start = begin + len(word)
        tokens.append(Token(word, begin, start))
    return tokens


def apply_pattern(tokens: Sequence[Token], pattern: str | None) -> list[Token]:
    """Split tokens further into what `pattern` finds inside them; a token without a hit stays whole."""
    if not pattern:
        return list(tokens)
    compiled = re.compile(pattern)
    out: list[Token] = []
    for token in tokens:
        words = [w for w in compiled.findall(token.text) if w]
        if not words:
            out.append(token)
            continue
        for part in locate(words, token.text):
            out.append(Token(part.text, token.start + part.start, token.start + part.end))
    return out


def split_label(label: str, options: Mapping[str, Any]) -> list[str]:
    """Words of an intent's or action's name, as the tokenizer's intent options say."""
    return label.split(options["intent_split_symbol"]) if options["intent_tokenization_flag"] else [label]


def text_tokens(tokens: Sequence[Token]) -> list[list[int]]:
    """Rasa's `text_tokens`: [start, end] of each token."""
    return [[token.start, token.end] for token in tokens]
