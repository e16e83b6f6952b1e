"""Sizes and colours in one form each, whatever the language."""

from __future__ import annotations

import re
from typing import Any

from shoptalk.nlu.values.numbers import EN_NUMBER, ZH_NUMERAL, amount, fold

_SIZE_WORDS: tuple[tuple[str, str], ...] = (
    (r"one[- ]?size|均码|free size", "ONE SIZE"),
    (r"(?:extra|x)[- ]?(?:extra|x)[- ]?large|加加大|特大|(?<![a-z0-9])xxl|(?<!\d)2[- ]?xl", "XXL"),
    (r"(?:extra|x)[- ]?(?:extra|x)[- ]?small|(?<![a-z0-9])xxs", "XXS"),
    (r"(?<![a-z0-9])(?:xxxl|3[- ]?xl)", "3XL"),
    (r"(?:extra|x)[- ]?large|加大|(?<![a-z0-9])xl(?![a-z])", "XL"),
    (r"(?:extra|x)[- ]?small|加小|特小|(?<![a-z0-9])xs(?![a-z])", "XS"),
    (r"small|小(?=号|码)|(?<![a-z0-9])s(?![a-z0-9])", "S"),
    (r"medium|middle|中(?=号|码)|(?<![a-z0-9])m(?![a-z0-9])", "M"),
    (r"large|大(?=号|码)|(?<![a-z0-9])l(?![a-z0-9])", "L"),
)
_SIZES = tuple((re.compile(pattern), value) for pattern, value in _SIZE_WORDS)
_BY = re.compile(r"(\d{2,3})\s*(?:cm)?\s*[x×*]\s*(\d{2,3})")
_RANGE = re.compile(r"(?<!\d)(\d{2})\s*(?:-|–|/|到|至)\s*(\d{2})(?!\d)")
_NUMBER = re.compile(
    rf"(?<![\d.])\d{{1,3}}(?:[.,]5)?(?!\d)|{ZH_NUMERAL}+(?=号|码)|(?<![a-z]){EN_NUMBER}(?![a-z])"
)

_COLORS = {
    "black": "black|黑",
    "white": "white|snow|白",
    "grey": "grey|gray|charcoal|silver|anthracite|灰|银",
    "navy": "navy blue|navy|midnight blue|midnight|藏青|藏蓝|海军蓝",
    "blue": "blue|azure|cobalt|蓝",
    "teal": "teal|turquoise|petrol|aqua|湖蓝|蓝绿|青色",
    "green": "green|sage|mint|emerald|绿",
    "olive": "olive|khaki|army green|橄榄|军绿",
    "yellow": "yellow|mustard|lemon|黄",
    "orange": "orange|橙|橘",
    "red": "red|scarlet|crimson|红",
    "burgundy": "burgundy|maroon|wine|bordeaux|claret|酒红",
    "pink": "pink|rose|blush|粉",
    "purple": "purple|violet|lilac|lavender|紫",
    "brown": "brown|chocolate|coffee|棕|咖啡|褐",
    "camel": "camel|beige|tan|sand|驼|卡其|杏色",
    "cream": "cream|ivory|off[- ]white|ecru|米白|米色|奶油|象牙",
    "indigo": "indigo|靛",
    "gold": "gold|golden|金",
}
_COLOR_WORDS = {word: color for color, words in _COLORS.items() for word in words.split("|")}
_COLOR = re.compile(
    "|".join(
        rf"(?<![a-z]){word}(?![a-z])" if word.isascii() else word
        for word in sorted(_COLOR_WORDS, key=len, reverse=True)
    )
)
_SHADE = re.compile(r"(?P<dark>dark|deep|深|墨|暗)|(?P<light>light|pale|bright|sky|baby|浅|淡|亮|天)")


def read_size(text: str) -> dict[str, Any] | None:
    """A size: letters as XS to 3XL, numbers as they are, `135x200`, `39-42`, `ONE SIZE`."""
    folded = fold(text)
    by = _BY.search(folded)
    if by:
        return _value(f"{by.group(1)}x{by.group(2)}")
    between = _RANGE.search(folded)
    if between:
        return _value(f"{between.group(1)}-{between.group(2)}")
    for pattern, size in _SIZES:
        if pattern.search(folded):
            return _value(size)
    number = _NUMBER.search(folded)
    value = amount(number.group()) if number else None
    return None if value is None else _value(f"{value:g}")


def read_color(text: str) -> dict[str, Any] | None:
    """A basic colour by its English name, with `shade` dark or light where the text says so."""
    folded = fold(text)
    found = list(_COLOR.finditer(folded))
    if not found:
        return None
    best = max(found, key=lambda match: (match.end() - match.start(), match.end()))
    word = best.group()
    color = next(c for w, c in _COLOR_WORDS.items() if w == word or re.fullmatch(w, word))
    shade = _SHADE.search(folded[: best.start()])
    return {**_value(color), **({"shade": shade.lastgroup} if shade else {})}


def _value(value: str) -> dict[str, Any]:
    return {"type": "value", "value": value}
