"""Dates and times in Chinese; texts are folded, so signs are simplified and digits plain."""

from __future__ import annotations

import re
from collections.abc import Callable

from shoptalk.nlu.values import periods as p
from shoptalk.nlu.values.numbers import ZH_NUMERAL, amount
from shoptalk.nlu.values.periods import Now, Period

Rule = Callable[[re.Match[str], Now], Period | None]

_N = rf"(?:\d+|{ZH_NUMERAL}+)"
_WEEK = r"(?:个)?(?:周|星期|礼拜)"
_WEEKDAYS = (
    {sign: place for place, sign in enumerate("一二三四五六日")}
    | {"天": 6}
    | {str(place + 1): place for place in range(7)}
)
_WHICH = r"(?P<which>上上|上|这|本|下下|下)"
_OFFSETS = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}
_UNITS = {
    "天": "day",
    "日": "day",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "月": "month",
    "年": "year",
    "小时": "hour",
}
_LENGTH = (
    rf"(?P<half>半)?(?P<count>{_N}|几)?(?:来|多)?(?P<half2>半)?个?(?P<unit>天|日|周|星期|礼拜|月|年|小时)"
)
_DAY = rf"初?(?P<day>{_N})[日号]"
_AGO, _LATER = "(?:之?前|以前)", "(?:之?后|以后|过后)"


def _number(text: str) -> int:
    return int(amount(text) or 0)


def _shift(match: re.Match[str], now: Now, sign: int) -> Period | None:
    count = 3.0 if match["count"] == "几" else amount(match["count"]) if match["count"] else 0.0
    if match["half"] or match["half2"]:
        count = (count or 0.0) + 0.5
    unit = _UNITS[match["unit"]]
    return p.shifted(now, sign * count, unit) if count else None


def _window(match: re.Match[str], now: Now, back: bool) -> Period | None:
    edge = _shift(match, now, -1 if back else 1)
    if edge is None:
        return None
    return Period(edge.start, now.day) if back else Period(now.day, edge.end)


def _year(text: str | None, now: Now) -> int | None:
    """`2025`, `二零二五`, `去`, `今`, `明`."""
    if not text:
        return None
    named = {"前": -2, "去": -1, "今": 0, "明": 1}
    return now.day.year + named[text] if text in named else _number(text)


def _month_day(match: re.Match[str], now: Now) -> Period | None:
    month, day, year = _number(match["month"]), _number(match["day"]), _year(match["year"], now)
    if year is None:
        return p.yearly(now, day, month)
    found = p.dated(day, month, year)
    return p.days(found) if found else None


def _month(match: re.Match[str], now: Now) -> Period | None:
    month, year = _number(match["month"]), _year(match["year"], now)
    if not 1 <= month <= 12:
        return None
    if year is None:
        return p.named_month(now, month)
    found = p.dated(1, month, year)
    return p.month_of(found) if found else None


def _day_of_month(match: re.Match[str], now: Now) -> Period | None:
    month = p.month_of(now.day, _OFFSETS[match["which"]]).start
    found = p.dated(_number(match["day"]), month.month, month.year) if month else None
    return p.days(found) if found else None


_RELATIVE_DAYS = {
    "大前天": -3,
    "前天": -2,
    "昨": -1,
    "今天": 0,
    "今日": 0,
    "今": 0,
    "明": 1,
    "大后天": 3,
    "后天": 2,
}
_YEAR = r"(?:(?P<year>\d{4}|[零一二三四五六七八九]{4}|去|今|明|前)年)?"

_RULES: tuple[tuple[str, Rule], ...] = (
    ("大前天|大后天|前天|后天", lambda m, n: p.days(n.day + _RELATIVE_DAYS[m.group()] * p.DAY)),
    (rf"{_YEAR}(?P<month>{_N})月份?{_DAY}", _month_day),
    (rf"{_YEAR}(?P<month>{_N})月(?P<day>{_N})(?![0-9天个])", _month_day),
    (rf"{_WHICH}个?月{_DAY}", _day_of_month),
    (rf"{_LENGTH}{_AGO}", lambda m, n: _shift(m, n, -1)),
    (rf"{_LENGTH}(?:之?内|以内)", lambda m, n: _window(m, n, False)),
    (rf"{_LENGTH}{_LATER}", lambda m, n: _shift(m, n, 1)),
    (rf"(?:最近|近|过去|这)(?=\d|{ZH_NUMERAL}|几|半){_LENGTH}", lambda m, n: _window(m, n, True)),
    (rf"{_WHICH}{_WEEK}末", lambda m, n: p.weekend_of(n.day, _OFFSETS[m["which"]])),
    (
        rf"{_WHICH}{_WEEK}(?P<weekday>[一二三四五六日天1-7])",
        lambda m, n: p.weekday_of(n.day, _WEEKDAYS[m["weekday"]], _OFFSETS[m["which"]]),
    ),
    (rf"{_WHICH}{_WEEK}", lambda m, n: p.week_of(n.day, _OFFSETS[m["which"]])),
    (rf"{_WHICH}个?月(?:底|末)", lambda m, n: p.last_day(p.month_of(n.day, _OFFSETS[m["which"]]))),
    ("月底|月末", lambda m, n: p.last_day(p.month_of(n.day))),
    (rf"{_WHICH}个?月", lambda m, n: p.month_of(n.day, _OFFSETS[m["which"]])),
    ("周末", lambda m, n: p.weekend_of(n.day, -1 if n.tense < 0 else 0)),
    (
        "(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天1-7])",
        lambda m, n: p.bare_weekday(n, _WEEKDAYS[m["weekday"]]),
    ),
    ("双十一|双11", lambda m, n: p.yearly(n, 11, 11)),
    ("双十二|双12", lambda m, n: p.yearly(n, 12, 12)),
    ("圣诞节?", lambda m, n: p.yearly(n, 25, 12)),
    ("元旦", lambda m, n: p.yearly(n, 1, 1)),
    ("国庆节?", lambda m, n: p.yearly(n, 1, 10)),
    ("情人节", lambda m, n: p.yearly(n, 14, 2)),
    ("昨|今天|今日|明(?=天|日|早|晚)", lambda m, n: p.days(n.day + _RELATIVE_DAYS[m.group()] * p.DAY)),
    (rf"{_YEAR}(?P<month>{_N})月份?", _month),
    ("(?P<year>去|今|明|前)年", lambda m, n: p.year_of(n.day, (_year(m["year"], n) or 0) - n.day.year)),
    (_DAY, lambda m, n: p.monthly(n, _number(m["day"]))),
    ("今晚|今早|今(?=上|下|中)|刚才", lambda m, n: p.days(n.day)),
)
RULES = tuple((re.compile(pattern), rule) for pattern, rule in _RULES)

PARTS = tuple(
    (re.compile(pattern), hours)
    for pattern, hours in (
        ("早上|上午|早晨|今早|明早", (4, 12)),
        ("下午", (12, 19)),
        ("晚|夜", (18, 24)),
    )
)
_HOUR = re.compile(
    rf"(?P<late>下午|晚上|今晚|傍晚|晚)?(?P<hour>{_N})[点时](?!候)(?:(?P<half>半)|(?P<quarter>一刻)|(?P<minute>{_N})分?)?|(?P<noon>中午)"
)

BETWEEN = re.compile(r"^从?(?P<first>.+?)\s*(?:到|至|-|~|—|和)\s*(?P<last>.+?)(?:之间|期间)?$")
EDGES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(f"{_AGO}(?!天)"), "to start"),
    (re.compile(f"{_LATER}(?!天)"), "from end"),
    (re.compile("以来|起|开始"), "from start"),
)
PAST = re.compile("了|过|已经|下的|买的|订的|收到|当时|刚|付的|退的|寄的|签收")
FUTURE = re.compile("会|能|要|到货|送到|赶|可以|来得及|将|之前|打算")


def clock(text: str) -> tuple[int, int | None] | None:
    """`下午三点`, `3点半`, `中午`."""
    match = _HOUR.search(text)
    if match is None:
        return None
    if match["noon"]:
        return 12, None
    hour = _number(match["hour"])
    if match["late"] and hour < 12:
        hour += 12
    if hour > 23:
        return None
    if match["half"] or match["quarter"]:
        return hour, 30 if match["half"] else 15
    minute = _number(match["minute"]) if match["minute"] else None
    return hour, minute if minute is None or minute < 60 else None
