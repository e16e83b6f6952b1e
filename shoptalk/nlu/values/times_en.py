"""Dates and times in English."""

from __future__ import annotations

import re
from collections.abc import Callable

from shoptalk.nlu.values import periods as p
from shoptalk.nlu.values.numbers import EN_NUMBER, amount
from shoptalk.nlu.values.periods import Now, Period

Rule = Callable[[re.Match[str], Now], Period | None]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|"
    r"sat(?:urday)?|sun(?:day)?)s?\b"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d\d))?"
_COUNT = rf"(?P<count>\d+(?:\.\d+)?|an?(?: couple(?: of)?| few)?|{EN_NUMBER})"
_UNIT = r"(?P<unit>day|week|month|year|hour|fortnight)s?"
_OFFSETS = {"last": -1, "previous": -1, "past": -1, "this": 0, "current": 0, "next": 1, "coming": 1}
_WHICH = r"(?P<which>last|previous|past|this|current|next|coming)"
_COUNTED = {"a": 1.0, "an": 1.0, "a couple": 2.0, "a couple of": 2.0, "a few": 3.0}


def _count(match: re.Match[str]) -> float:
    written = match["count"]
    return _COUNTED[written] if written in _COUNTED else amount(written) or 0.0


def _shift(match: re.Match[str], now: Now, sign: int) -> Period | None:
    count, unit = _count(match), match["unit"]
    return p.shifted(
        now, sign * count * (2 if unit == "fortnight" else 1), "week" if unit == "fortnight" else unit
    )


def _month_day(match: re.Match[str], now: Now) -> Period | None:
    month, day = _MONTHS.index(match["month"][:3]) + 1, int(match["day"])
    if not match["year"]:
        return p.yearly(now, day, month)
    found = p.dated(day, month, int(match["year"]))
    return p.days(found) if found else None


def _month(match: re.Match[str], now: Now) -> Period | None:
    month = _MONTHS.index(match["month"][:3]) + 1
    if not match["year"]:
        return p.named_month(now, month)
    found = p.dated(1, month, int(match["year"]))
    return p.month_of(found) if found else None


def _unit_of(match: re.Match[str], now: Now) -> Period:
    offset, unit = _OFFSETS[match["which"]], match["unit"]
    if unit == "week":
        return p.week_of(now.day, offset)
    return p.month_of(now.day, offset) if unit == "month" else p.year_of(now.day, offset)


def _window(match: re.Match[str], now: Now) -> Period | None:
    """`the last 2 weeks`: days before today; `the next 3 days`, `within 3 days`: from today on, the last one included."""
    back = match["which"] in ("last", "past", "previous")
    edge = _shift(match, now, -1 if back else 1)
    if edge is None:
        return None
    return Period(edge.start, now.day) if back else Period(now.day, edge.end)


def _weekday(match: re.Match[str]) -> int:
    return _WEEKDAYS.index(match["weekday"][:3])


def _named_weekday(match: re.Match[str], now: Now) -> Period:
    offset = _OFFSETS[match["which"]]
    if offset < 0:
        return p.last_weekday(now.day, _weekday(match))
    return p.weekday_of(now.day, _weekday(match), offset)


_RULES: tuple[tuple[str, Rule], ...] = (
    (r"\b(?:the )?day before yesterday", lambda m, n: p.days(n.day - 2 * p.DAY)),
    (r"\b(?:the )?day after tomorrow", lambda m, n: p.days(n.day + 2 * p.DAY)),
    (r"\byesterday|\blast night", lambda m, n: p.days(n.day - p.DAY)),
    (r"\btomorrow|\btmrw?\b", lambda m, n: p.days(n.day + p.DAY)),
    (rf"\b{_COUNT} {_UNIT} (?:ago|back|earlier)\b", lambda m, n: _shift(m, n, -1)),
    (rf"\b(?:within|over|in|during)? ?(?:the )?{_WHICH} {_COUNT} {_UNIT}\b", _window),
    (rf"\b(?P<which>within) {_COUNT} {_UNIT}\b", _window),
    (rf"\bin {_COUNT} {_UNIT}\b", lambda m, n: _shift(m, n, 1)),
    (rf"\b{_COUNT} {_UNIT} from (?:now|today)\b", lambda m, n: _shift(m, n, 1)),
    (rf"\b{_DAY}(?: of)? {_MONTH}{_YEAR}", _month_day),
    (rf"\b{_MONTH} (?:the )?{_DAY}\b{_YEAR}", _month_day),
    (
        rf"\b{_WHICH} {_WEEKDAY}",
        _named_weekday,
    ),
    (rf"\b{_WHICH} weekend\b", lambda m, n: p.weekend_of(n.day, _OFFSETS[m["which"]])),
    (rf"\b{_WHICH} (?P<unit>week|month|year)\b", _unit_of),
    (r"\bweekend\b", lambda m, n: p.weekend_of(n.day, -1 if n.tense < 0 else 0)),
    (r"\bend of (?:the|this) month\b", lambda m, n: p.last_day(p.month_of(n.day))),
    (r"\b(?:christmas|xmas)\b", lambda m, n: p.yearly(n, 25, 12)),
    (r"\bnew year'?s? eve\b", lambda m, n: p.yearly(n, 31, 12)),
    (r"\bnew year\b", lambda m, n: p.yearly(n, 1, 1)),
    (r"\bvalentine'?s?(?: day)?\b", lambda m, n: p.yearly(n, 14, 2)),
    (rf"(?<![a-z]){_WEEKDAY}", lambda m, n: p.bare_weekday(n, _weekday(m))),
    (rf"\b{_MONTH}{_YEAR}", _month),
    (r"\b(?:the )?(?P<day>[0-3]?\d)(?:st|nd|rd|th)\b", lambda m, n: p.monthly(n, int(m["day"]))),
    (
        r"\btoday\b|\btonight\b|\bthis (?:morning|afternoon|evening)\b|\bright now\b",
        lambda m, n: p.days(n.day),
    ),
)
RULES = tuple((re.compile(pattern), rule) for pattern, rule in _RULES)

PARTS = tuple(
    (re.compile(pattern), hours)
    for pattern, hours in (
        (r"\bmorning\b", (4, 12)),
        (r"\bafternoon\b", (12, 19)),
        (r"\bevening\b|\btonight\b|\bnight\b", (18, 24)),
    )
)
_HOUR = re.compile(
    r"\b(?P<hour>1[0-2]|[1-9])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>[ap])\.?m\b|\b(?P<noon>noon|midday)\b"
)

BETWEEN = re.compile(
    r"^(?:(?:between|from)\s+)?(?P<first>.+?)\s*(?:-|–|—|\bto\b|\band\b|\buntil\b|\btill\b|\bthrough\b)\s*(?P<last>.+)$"
)
EDGES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(?:by|until|till|no later than|latest)\b"), "to end"),
    (re.compile(r"\bbefore\b(?! yesterday)"), "to start"),
    (re.compile(r"\bafter\b(?! tomorrow)"), "from end"),
    (re.compile(r"\b(?:since|from|starting)\b(?! (?:now|today))"), "from start"),
)
PAST = re.compile(
    r"\b(?:ordered|bought|paid|got|was|were|did|didn'?t|had|received|came|arrived|sent|returned|since|ago|"
    r"placed|delivered|purchased|cancelled|called|wrote|told|said|shipped|already)\b"
)
FUTURE = re.compile(
    r"\b(?:will|won'?t|going to|shall|can (?:you|i|it)|could|need|arrive|by|until|before|for|would|leave)\b"
)


def clock(text: str) -> tuple[int, int | None] | None:
    """`3pm`, `3:30 pm`, `noon`."""
    match = _HOUR.search(text)
    if match is None:
        return None
    if match["noon"]:
        return 12, None
    hour = int(match["hour"]) % 12 + (12 if match["half"] == "p" else 0)
    return hour, int(match["minute"]) if match["minute"] else None
