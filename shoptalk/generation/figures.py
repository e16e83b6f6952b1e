"""Figures in a text: amounts, percentages, durations, times, dates and counts, in digits and in words.

`figures("within thirty days")` and `figures("30天内")` both hold 30 days, so a reply can be compared with a passage
that says the same in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from shoptalk.generation.text import plain


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, or the name of a day.

    Args:
        value: canonical decimal ("4.9"), span ("2-4"), clock time ("14:00") or name ("friday").
        unit: canonical unit, "" when none is given.
    """

    value: str
    unit: str = ""


UNITS: dict[str, str] = {
    "workday": r"(?:working|business|week) ?days?|个?工作日",
    "day": r"calendar days?|days?|nights?|天|日(?!元)",
    "hour": r"hours?|hrs?|h\b|个?小时|钟头",
    "minute": r"minutes?|mins?|分钟",
    "week": r"weeks?|个?(?:周|星期|礼拜)",
    "month": r"months?|个?月",
    "year": r"years?|年",
    "eur": r"eur(?:os?)?|€|欧元|欧",
    "usd": r"dollars?|usd|us\$|\$|美元|美金",
    "gbp": r"pounds?|gbp|£|英镑",
    "cny": r"yuan|rmb|cny|¥|人民币|元|块钱?",
    "cent": r"cents?|ct\b|分钱|欧分",
    "percent": r"%|per ?cent|percentage points?|个?百分点",
    "tenths": r"折|成(?!功|为|本|分|长|熟|绩)",
    "times": r"times|fold|x\b|倍",
    "cm": r"cm|centimet(?:er|re)s?|厘米|公分",
    "kg": r"kg|kilos?|公斤|千克",
    "degree": r"°\s?c?|degrees?|度",
    "size": r"码",
    "piece": r"pieces?|items?|articles?|件|个(?!月|小时|工作日|星期|周|百分点|礼拜)",
    "point": r"points?|积分|分(?!钟|钱)",
    "point_of_clock": r"o'clock|[ap]\.?m\b\.?|点(?!击|开|选)",
}
_UNIT = re.compile("|".join(f"(?P<{name}>(?:{pattern}))" for name, pattern in UNITS.items()))
AMOUNT = re.compile(
    rf"(?:eur|€|us\$|usd|\$|gbp|£)?\s*(?:\d[\d.,:]*|[零〇一二两三四五六七八九十百千万半]+)\s?(?:{'|'.join(UNITS.values())})?(?:之?[内前后]|以[内上下])?"
)
"""A number with what belongs to it."""
_MEASURED = ("cm", "size", "piece", "degree", "year")
"""Units that tables leave out: a passage's bare 94 may be said as 94 cm."""
_ASCII_UNIT_END = re.compile(r"[a-z]$")
_CURRENCY_BEFORE = re.compile(r"(eur|€|us\$|usd|\$|gbp|£|cny|rmb|¥)\s*$")
_DIGITS = r"\d+(?:[.,]\d+)*"
_NUMBER = re.compile(_DIGITS)
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])")
_SPAN = re.compile(r"^\s*(?:to|-|~|至|到)\s*$")
_RANGE_LINK = re.compile(r"^\s*(?:to|and|or|-|~|至|到|、|或)\s*$")

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
)
_ONES += "seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: n for n, word in enumerate(_ONES.split())} | {
    w: 20 + 10 * n for n, w in enumerate(_TENS.split())
}
LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
LOOSE = {"dozen": "12", "half": "0.5", "couple": "2", "fortnight": "14", "quarter": "0.25"}
MULTIPLES = {
    "double": "2",
    "twice": "2",
    "doubled": "2",
    "triple": "3",
    "thrice": "3",
    "tripled": "3",
    "两倍": "2",
}
_WORDS = "|".join((*SMALL, *LARGE))
WORD_NUMBER = re.compile(rf"\b(?:{_WORDS})(?:(?: and | |-)(?:{_WORDS}))*\b")
_LOOSE = re.compile(rf"\b(?:{'|'.join(LOOSE)})s?\b")
_MULTIPLE = re.compile(rf"\b(?:{'|'.join(w for w in MULTIPLES if w.isascii())})\b|翻倍|双倍")
_ONE_OF = re.compile(
    r"\b(?:an?|one|every|next|this|whole|full|single) (?:(?:working|business|whole|full|single) )?"
    r"(?=(?:day|hour|minute|week|month|year|euro|dollar|pound|cent|percent)\b)"
)
_HAN_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "俩": 2, "仨": 3}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10000}
_HAN_NUMBER = re.compile(r"(百分之)?([零〇一二两三四五六七八九十百千万]+)(半)?")
_HAN_IDIOMS = re.compile(
    r"十分|千万|万一|一一|三三两两|一(?![天周年月欧元块折成倍半]|个?(?:月|星期|小时|工作日|礼拜)|星期|小时|分钟|礼拜|百|千|万|十|[二两三四五六七八九])"
)
_HALF = re.compile(r"半(?=价|年|个?月|天|小时|折|个?星期)")

_NAMED = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|tomorrow|tonight|overnight|"
    r"january|february|march|april|june|july|august|september|october|november|december|"
    r"(?:in|of|by|until|early|late|mid) may|may \d|\d(?:st|nd|rd|th)? (?:of )?may|"
    r"christmas|easter|new year|weekends?|"
    r"next (?:few )?(?:days?|weeks?|months?|years?)|this (?:week|month|year)|same[- ]day|immediate(?:ly)?|"
    r"right away|straight away|at once|instantly)\b"
    r"|明天|后天|今晚|明晚|当天|次日|隔天|立即|马上|立刻|下(?:个|一)?(?:周|月|星期|年)|本周|这周|本月|这个?月|明年|月底|年底|周末|"
    r"(?:周|星期|礼拜)[一二三四五六日天]|圣诞|春节|元旦|国庆"
)
_TODAY = re.compile(r"\btoday\b|今天|今日")


def figures(text: str, *, today: bool = False) -> frozenset[Figure]:
    """All figures of a text.

    Args:
        text: any.
        today: count "today" as a date, too; in small talk it is none.
    """
    lower = plain(text).lower()
    found = set(_named(lower, today))
    lower = _HAN_IDIOMS.sub(lambda match: "·" * len(match.group()), lower)
    numbers = sorted(_numbers(lower), key=lambda n: n[0])
    return frozenset(found | set(_with_units(lower, numbers)))


def supported(figure: Figure, known: frozenset[Figure]) -> bool:
    """Whether `known` holds a figure, in the same unit."""
    if figure in known:
        return True
    if not figure.unit:
        return any(other.value == figure.value for other in known)
    return figure.unit in _MEASURED and Figure(figure.value) in known


def _named(lower: str, today: bool) -> Iterator[Figure]:
    for match in _NAMED.finditer(lower):
        yield Figure(match.group().rstrip("s"), "date")
    if today:
        yield from (Figure("today", "date") for _ in _TODAY.finditer(lower))


_Number = tuple[int, int, str, str]
"""Start, end, value, and a unit when the number itself says it."""


def _numbers(lower: str) -> Iterator[_Number]:
    taken: list[tuple[int, int]] = []
    for match in _CLOCK.finditer(lower):
        taken.append(match.span())
        yield *match.span(), f"{int(match.group(1))}:{match.group(2)}", "clock"
    for match in _NUMBER.finditer(lower):
        if not any(start <= match.start() < end for start, end in taken):
            yield *match.span(), _decimal(match.group()), ""
    yield from _english(lower)
    yield from _chinese(lower)


def _english(lower: str) -> Iterator[_Number]:
    for match in WORD_NUMBER.finditer(lower):
        words = re.split(r"[ -]", match.group())
        if words != ["one"]:
            yield *match.span(), str(_value_of(words)), ""
    for match in _LOOSE.finditer(lower):
        unit = "day" if "fortnight" in match.group() else ""
        yield *match.span(), LOOSE[match.group().removesuffix("s")], unit
    for match in _MULTIPLE.finditer(lower):
        yield *match.span(), MULTIPLES.get(match.group(), "2"), "times"
    for match in _ONE_OF.finditer(lower):
        if match.group().split()[0] not in ("next", "this"):
            yield *match.span(), "1", ""


def _chinese(lower: str) -> Iterator[_Number]:
    for match in _HAN_NUMBER.finditer(lower):
        hundredth, digits, half = match.groups()
        follows = lower[match.end() :]
        alone = len(digits) == 1 and not hundredth
        if (
            alone
            and not _UNIT.match(follows)
            and not re.match(r"[张次双号点岁等位种家]|[至到、~-][零一二两三四五六七八九十百\d]", follows)
        ):
            continue
        before = lower[max(0, match.start() - 2) : match.start()]
        if before.endswith(("周", "星期", "礼拜")) and alone:
            continue
        value = _han_value(digits) + (Decimal("0.5") if half else 0)
        yield *match.span(), _canonical(Decimal(value)), "percent" if hundredth else ""
    for match in _HALF.finditer(lower):
        yield *match.span(), "0.5", "price" if lower[match.end() : match.end() + 1] == "价" else ""


def _with_units(lower: str, numbers: list[_Number]) -> Iterator[Figure]:
    units = [own or _unit_at(lower, start, end) for start, end, _, own in numbers]
    for place in range(len(numbers) - 2, -1, -1):
        between = lower[numbers[place][1] : numbers[place + 1][0]]
        if not units[place] and _RANGE_LINK.match(between):
            units[place] = units[place + 1]
    for place, ((_, end, value, _), unit) in enumerate(zip(numbers, units, strict=True)):
        yield Figure(value, unit)
        if place + 1 < len(numbers) and _SPAN.match(lower[end : numbers[place + 1][0]]):
            yield Figure(f"{value}-{numbers[place + 1][2]}", unit)


def _unit_at(lower: str, start: int, end: int) -> str:
    before = _CURRENCY_BEFORE.search(lower[max(0, start - 6) : start])
    if before:
        match = _UNIT.match(before.group(1))
        return str(match.lastgroup) if match else ""
    follows = lower[end:]
    stripped = follows.lstrip(" -")
    match = _UNIT.match(stripped)
    if match is None:
        return ""
    rest = stripped[match.end() : match.end() + 1]
    if _ASCII_UNIT_END.search(match.group()) and rest.isascii() and rest.isalpha():
        return ""
    return str(match.lastgroup)


def _decimal(digits: str) -> str:
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits):
        return _canonical(Decimal(re.sub(r"[.,]", "", digits)))
    try:
        return _canonical(Decimal(digits.replace(",", ".")))
    except InvalidOperation:
        return digits


def _canonical(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _value_of(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word in LARGE:
            current = max(current, 1) * LARGE[word]
            if LARGE[word] > 100:
                total, current = total + current, 0
        elif word in SMALL:
            current += SMALL[word]
    return total + current


def _han_value(digits: str) -> int:
    if not any(c in _HAN_SCALES for c in digits):
        return int("".join(str(_HAN_DIGITS[c]) for c in digits))
    total = current = 0
    for character in digits:
        if character in _HAN_DIGITS:
            current = _HAN_DIGITS[character]
        else:
            total, current = total + max(current, 1) * _HAN_SCALES[character], 0
    return total + current
