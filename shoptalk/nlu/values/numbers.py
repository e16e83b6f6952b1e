"""Numbers in digits and in words, English and Chinese."""

from __future__ import annotations

import re
import unicodedata

_SIMPLIFIED = str.maketrans(
    "後週號兩個禮內過幾這時點鐘間黃綠藍紅靛橘藏萬億貳參陸塊錢歐雙條隻張對碼單壹贰叁肆伍陆柒捌玖拾佰仟〇幺",
    "后周号两个礼内过几这时点钟间黄绿蓝红靛橘藏万亿二三六块钱欧双条只张对码单一二三四五六七八九十百千零一",
)
_ZH_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2}
_ZH_SCALES = {"十": 10, "百": 100, "千": 1000}
ZH_NUMERAL = "[零一二两俩三四五六七八九十百千万]"
"""A character of a Chinese number, after `fold`."""

_EN_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_EN_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_WORDS = {word: value for value, word in enumerate(_EN_SMALL)} | {
    word: 10 * value for value, word in enumerate(_EN_TENS, start=2)
}
_EN_SCALES = {"hundred": 100, "thousand": 1000}
_EN_WORD = "|".join(sorted([*_EN_WORDS, *_EN_SCALES], key=len, reverse=True))
EN_NUMBER = rf"(?:a (?:hundred|thousand)|(?:{_EN_WORD}))(?:(?:[ -]| and )(?:{_EN_WORD}))*"
"""A number in English words, after `fold`; to be used between word boundaries."""

DIGITS = r"\d+(?:[.,]\d+)*"


def fold(text: str) -> str:
    """Lower case, plain digits and letters for full-width ones, one script for traditional and simplified signs."""
    return unicodedata.normalize("NFKC", text).lower().translate(_SIMPLIFIED)


def amount(text: str) -> float | None:
    """The number that a folded text of digits, English words or Chinese numerals is; None if it is none."""
    text = text.strip()
    if re.fullmatch(DIGITS, text):
        return _decimal(text)
    if re.fullmatch(f"{ZH_NUMERAL}+", text):
        return _chinese(text)
    mixed = re.fullmatch(rf"({DIGITS})([十百千万k])", text)
    if mixed:
        scale = {"k": 1000, "万": 10_000, **_ZH_SCALES}[mixed.group(2)]
        return round(_decimal(mixed.group(1)) * scale, 6)
    return _english(text)


def spelled_digits(text: str) -> str:
    """A folded text with digits for what is read out one by one: `one oh two`, `一零二`."""
    words = {word: str(value) for value, word in enumerate(_EN_SMALL[:10])} | {"oh": "0", "nought": "0"}
    text = re.sub(r"(?<![a-z])(?:" + "|".join(words) + r")(?![a-z])", lambda m: words[m.group()], text)
    return re.sub("[零一二两三四五六七八九]", lambda m: str(_ZH_DIGITS[m.group()]), text)


def _decimal(text: str) -> float:
    """`1,250` and `1.250` are thousands, `49,90` and `49.9` have decimals, `1.250,50` both."""
    parts = re.split(r"[.,]", text)
    if len(parts) > 1 and len(parts[-1]) != 3:
        return float("".join(parts[:-1]) + "." + parts[-1])
    return float("".join(parts))


def _chinese(text: str) -> float | None:
    if len(text) > 1 and not set(text) & {*_ZH_SCALES, "万"}:
        return float("".join(str(_ZH_DIGITS[character]) for character in text))
    high, found, rest = text.partition("万")
    if found:
        above, below = _below_ten_thousand(high), _below_ten_thousand(rest, after=10_000)
        return None if above is None or below is None else above * 10_000 + below
    return _below_ten_thousand(text)


def _below_ten_thousand(text: str, after: int = 0) -> float | None:
    """`一百二` is 120: a last digit without its scale counts a tenth of the scale before, unless 零 stands between."""
    total, digit, scale, zero = 0, None, after, False
    for character in text:
        if character in _ZH_SCALES:
            scale = _ZH_SCALES[character]
            total += (1 if digit is None else digit) * scale
            digit, zero = None, False
        elif character == "零":
            zero = True
        elif digit is None:
            digit = _ZH_DIGITS[character]
        else:
            return None
    if digit is not None:
        total += digit * (scale // 10 if scale > 10 and not zero else 1)
    return float(total)


def _english(text: str) -> float | None:
    words = [word for word in re.split(r"[ -]+", text) if word != "and"]
    total = part = 0
    for place, word in enumerate(words):
        if word in _EN_WORDS:
            part += _EN_WORDS[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        elif not (word == "a" and place == 0 and len(words) > 1):
            return None
    return float(total + part) if words else None
