"""Dates and times in English and Chinese, as Duckling writes `time`."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from types import ModuleType
from typing import Any

from shoptalk.nlu.values import times_en, times_zh
from shoptalk.nlu.values.numbers import ZH_NUMERAL, fold
from shoptalk.nlu.values.periods import (
    CLOCK,
    NUMERIC,
    Now,
    Period,
    at_time,
    days,
    numeric_date,
    part_of,
    year_of,
)

_HAN = re.compile("[\u4e00-\u9fff]")
_BARE = re.compile(rf"\s*(?:\d{{1,2}}(?:st|nd|rd|th)?|{ZH_NUMERAL}+)\s*[日号]?\s*")


def read_time(
    text: str, now: datetime, context: str = "", month_first: bool = False
) -> dict[str, Any] | None:
    """A date, a time, or a stretch of time.

    Args:
        text: as written, e.g. `last Friday`.
        now: when it was written; its zone is that of the result.
        context: the sentence around, whose tense decides which Monday is meant.
        month_first: read `4/5/2026` as the fifth of April.
    """
    folded = fold(text)
    words = times_zh if _HAN.search(folded) else times_en
    local = Now(now.replace(tzinfo=None), _tense(fold(context), words))
    period = _period(folded, local, words, month_first)
    return None if period is None else _written(period, now.tzinfo)


def _tense(context: str, words: ModuleType) -> int:
    if words.PAST.search(context):
        return -1
    return 1 if words.FUTURE.search(context) else 0


def _period(folded: str, now: Now, words: ModuleType, month_first: bool) -> Period | None:
    between = _between(folded, now, words, month_first)
    if between is not None:
        return between
    found = _single(folded, now, words, month_first)
    if found is None:
        return None
    period, rest = found
    if period.grain is None:
        return period
    edge = next((kind for pattern, kind in words.EDGES if pattern.search(rest)), None)
    if edge is None:
        return period
    side, of = edge.split()
    at = period.end if of == "end" else period.start
    return Period(None, at) if side == "to" else Period(at, None)


def _between(folded: str, now: Now, words: ModuleType, month_first: bool) -> Period | None:
    match = words.BETWEEN.match(folded)
    if match is None or NUMERIC.fullmatch(folded.strip()):
        return None
    first, last = match["first"], match["last"]
    # "3 to 5 April", "4月3号到5号": the month stands on one side only.
    if words is times_en and _BARE.fullmatch(first):
        first = re.sub(r"^\s*[0-3]?\d(?:st|nd|rd|th)?", first.strip(), last)
    if words is times_zh and _BARE.fullmatch(last) and "月" in first:
        last = first[: first.index("月") + 1] + last.strip()
    begin = _single(first, now, words, month_first)
    if begin is None or begin[0].start is None:
        return None
    end = _single(last, Now(begin[0].start), words, month_first)
    if end is None or end[0].end is None or not 0 <= (end[0].end - begin[0].start).days <= 366:
        return None
    return Period(begin[0].start, end[0].end)


def _single(folded: str, now: Now, words: ModuleType, month_first: bool) -> tuple[Period, str] | None:
    """A period without its edges, and the text around the words that name it."""
    numeric = numeric_date(folded, now, month_first)
    if numeric is not None:
        return _timed(numeric, folded, words), NUMERIC.sub(" ", folded)
    for pattern, rule in words.RULES:
        match = pattern.search(folded)
        period = rule(match, now) if match else None
        if match and period is None and "day" in pattern.groupindex:
            return None  # "31 February" is not February
        if match and period is not None:
            return _timed(period, folded, words), folded[: match.start()] + " " + folded[match.end() :]
    if re.fullmatch(r"\s*(?:in )?20\d\d年?\s*", folded):
        year = int(re.sub(r"\D", "", folded))
        return year_of(now.day, year - now.day.year), ""
    timed = _timed(days(now.day), folded, words)
    return (timed, "") if timed.grain != "day" else None


def _timed(day: Period, folded: str, words: ModuleType) -> Period:
    """The time of day that a text names beside the day."""
    if day.grain != "day":
        return day
    digital = CLOCK.search(folded)
    late = words.PARTS[1][0].search(folded) or words.PARTS[2][0].search(folded)
    if digital:
        hour = int(digital["hour"])
        return at_time(day, hour + 12 if late and hour < 12 else hour, int(digital["minute"]))
    spoken = words.clock(folded)
    if spoken:
        return at_time(day, *spoken)
    part = next((hours for pattern, hours in words.PARTS if pattern.search(folded)), None)
    return part_of(day, *part) if part else day


def _written(period: Period, zone: tzinfo | None) -> dict[str, Any] | None:
    if period.grain and period.start:
        return {"type": "value", "value": _iso(period.start, zone), "grain": period.grain}
    edges = {"from": period.start, "to": period.end}
    return {
        "type": "interval",
        **{name: {"value": _iso(at, zone), "grain": _grain(at)} for name, at in edges.items() if at},
    }


def _grain(at: datetime) -> str:
    return "day" if (at.hour, at.minute) == (0, 0) else "hour" if at.minute == 0 else "minute"


def _iso(at: datetime, zone: tzinfo | None) -> str:
    return at.replace(tzinfo=zone).isoformat(timespec="milliseconds")
