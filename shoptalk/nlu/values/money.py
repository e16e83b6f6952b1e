"""Money and quantities, as Duckling writes `amount-of-money`, `quantity` and `number`."""

from __future__ import annotations

import re
from typing import Any

from shoptalk.nlu.values.numbers import DIGITS, EN_NUMBER, ZH_NUMERAL, amount, fold

_CURRENCIES = {
    "EUR": r"€|eur\b|euros?\b|欧元|欧",
    "USD": r"us\$|\$|usd\b|dollars?\b|bucks?\b|美元|美金|刀",
    "GBP": r"£|gbp\b|pounds?\b|quid\b|英镑",
    "CNY": r"[¥￥]|cny\b|rmb\b|yuan\b|人民币|块钱|块|元",
    "JPY": r"jpy\b|yen\b|日元",
    "CHF": r"chf\b|francs?\b|瑞郎",
}
_CURRENCY = "|".join(f"(?P<{{0}}{code}>{pattern})" for code, pattern in _CURRENCIES.items())
_NUMBER = rf"(?:{DIGITS}(?:\s*[kK](?![a-z])|[万千百])?|(?<![a-z]){EN_NUMBER}(?![a-z])|{ZH_NUMERAL}+)"
_AMOUNT = re.compile(
    rf"(?:(?:{_CURRENCY.replace('{0}', 'a')})\s*)?(?P<number>{_NUMBER})"
    rf"\s*(?:(?P<cents>cents?\b|欧分|分钱)|(?:{_CURRENCY.replace('{0}', 'b')})(?P<tenths>[一二三四五六七八九](?!百|千))?)?"
)
_SEVERAL = re.compile(r"\s*(?:-|–|—|~|to|and|until|or|到|至|和)\s*")

NOT_OVER = (
    r"(?:\b(?:no|not|nothing|never)|n['’]t)(?:\s+(?:want|to|spend|pay|go|cost|costing|be|anything|much))*"
    r"\s+(?:more|over|above)"
)
"""A limit from above that is said with the words of one from below: `don't want to spend more`."""
_AT_LEAST_NOT = re.compile(r"(?:no|not) (?:less|under|below)|不低于|不少于")
_AT_MOST = re.compile(
    rf"under|below|less than|or less|\bmax|up to|{NOT_OVER}|at most|cheaper than|within|"
    r"以内|以下|之内|不超|不高于|低于|最多|少于|小于|不到|顶多|内$"
)
_AT_LEAST = re.compile(
    r"over|above|more than|or more|at least|\bmin|starting|以上|至少|超过|高于|起码|最少|大于|起$"
)
_ABOUT = re.compile(r"around|about|roughly|approx|\d\s?ish|~|左右|大概|大约|差不多|上下")

_UNITS = {
    "pair": r"pairs?|双|对|副",
    "piece": r"pieces?|items?|pcs|件|个|条|只|张|顶|把|本|瓶|块|根",
    "set": r"sets?|套|组",
    "box": r"box(?:es)?|箱|盒",
    "pack": r"packs?|packets?|包",
}
_UNIT = re.compile("|".join(f"(?P<{unit}>{pattern})" for unit, pattern in _UNITS.items()))
_WORDS = {
    "both": 2.0,
    "a couple": 2.0,
    "half a dozen": 6.0,
    "a dozen": 12.0,
    "俩": 2.0,
    "一打": 12.0,
    "半打": 6.0,
}


def read_money(text: str, currency: str | None) -> dict[str, Any] | None:
    """An amount of money, or an interval of it.

    Args:
        text: as written, e.g. `under 100 euros`.
        currency: of an amount that names none; None leaves it without `unit`.
    """
    folded = fold(text)
    found = list(_AMOUNT.finditer(folded))
    if not found:
        return None
    if len(found) > 1 and _SEVERAL.fullmatch(folded, found[0].end(), found[1].start()):
        unit = _currency(found[1]) or _currency(found[0]) or currency
        return {
            "type": "interval",
            "from": _valued(_sum(found[0]), unit),
            "to": _valued(_sum(found[1]), unit),
        }
    best = next((match for match in found if _currency(match)), found[0])
    return _compared(folded, _valued(_sum(best), _currency(best) or currency))


def read_number(text: str) -> dict[str, Any] | None:
    """How many of what: `two pairs`, `三件`."""
    folded = fold(text)
    words = next((word for word in _WORDS if word in folded), None)
    match = re.search(rf"{DIGITS}|(?<![a-z]){EN_NUMBER}(?![a-z])|{ZH_NUMERAL}+", folded)
    value: float | None = None
    rest = folded
    if words is not None:
        value, rest = _WORDS[words], folded.replace(words, "")
    elif match is not None:
        value, rest = amount(match.group()), folded[match.end() :]
    elif re.search(r"\ba (?:pair|piece|set|box|pack)\b", folded):
        value = 1.0
    if value is None:
        return None
    unit = _UNIT.search(rest)
    return _valued(value, unit.lastgroup if unit else None)


def _compared(folded: str, value: dict[str, Any]) -> dict[str, Any]:
    if _AT_LEAST_NOT.search(folded):
        return {"type": "interval", "from": value}
    if _AT_MOST.search(folded):
        return {"type": "interval", "to": value}
    if _AT_LEAST.search(folded):
        return {"type": "interval", "from": value}
    if _ABOUT.search(folded):
        return {**value, "approximate": True}
    return value


def _sum(match: re.Match[str]) -> float:
    value = amount(match["number"].replace(" ", " ")) or 0.0
    if match["number"].endswith("k"):
        value = (amount(match["number"][:-1].strip()) or 0.0) * 1000
    if match["cents"]:
        value /= 100
    if match["tenths"]:
        value += (amount(match["tenths"]) or 0.0) / 10
    return value


def _currency(match: re.Match[str]) -> str | None:
    if match["cents"]:
        return None
    return next(
        (name[1:] for name, text in match.groupdict().items() if text and name[1:] in _CURRENCIES), None
    )


def _valued(value: float, unit: str | None) -> dict[str, Any]:
    plain: float | int = int(value) if value == int(value) else round(value, 4)
    return {"type": "value", "value": plain, **({"unit": unit} if unit else {})}
