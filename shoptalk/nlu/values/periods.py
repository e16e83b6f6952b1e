"""Stretches of time, and the arithmetic of calendars."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

DAY = timedelta(days=1)
_HOURS = {"hour": 1, "day": 24, "week": 7 * 24, "month": 30 * 24, "year": 365 * 24}
_CENTURY = 100 * _HOURS["year"]
_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True)
class Now:
    """When a text was written.

    Args:
        at: local time, without a zone.
        tense: -1 if the text speaks of the past, 1 of the future, 0 if it does not say.
    """

    at: datetime
    tense: int = 0

    @property
    def day(self) -> datetime:
        """Midnight before."""
        return self.at.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` until just before `end`; one may be open. `grain` names it if it is one hour, day, week and so on."""

    start: datetime | None
    end: datetime | None
    grain: str | None = None


def days(start: datetime, count: int = 1) -> Period:
    """Whole days; one of them has the grain `day`."""
    return Period(start, start + count * DAY, "day" if count == 1 else None)


def week_of(at: datetime, offset: int) -> Period:
    """The week from Monday, some weeks away."""
    start = at - at.weekday() * DAY + offset * 7 * DAY
    return Period(start, start + 7 * DAY, "week")


def weekday_of(at: datetime, weekday: int, offset: int) -> Period:
    """A weekday (Monday is 0) of the week some weeks away."""
    return days(at - at.weekday() * DAY + (offset * 7 + weekday) * DAY)


def last_weekday(at: datetime, weekday: int) -> Period:
    """The last one before today, as English has it: on a Sunday, last Friday is two days ago."""
    return days(at - ((at.weekday() - weekday - 1) % 7 + 1) * DAY)


def weekend_of(at: datetime, offset: int) -> Period:
    """Saturday and Sunday of the week some weeks away."""
    return days(at - at.weekday() * DAY + (offset * 7 + 5) * DAY, 2)


def bare_weekday(now: Now, weekday: int) -> Period:
    """The coming one, today included; the last one where the text speaks of the past."""
    ahead = (weekday - now.day.weekday()) % 7
    return days(now.day + (ahead - 7 if now.tense < 0 else ahead) * DAY)


def months_from(at: datetime, count: int) -> datetime:
    """The same day some months away, or the last one of a shorter month."""
    month = at.month - 1 + count
    year, month = at.year + month // 12, month % 12 + 1
    return at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1]))


def month_of(at: datetime, offset: int = 0) -> Period:
    """A calendar month."""
    start = months_from(at.replace(day=1), offset)
    return Period(start, months_from(start, 1), "month")


def year_of(at: datetime, offset: int) -> Period:
    """A calendar year."""
    start = at.replace(year=at.year + offset, month=1, day=1)
    return Period(start, start.replace(year=start.year + 1), "year")


def last_day(month: Period) -> Period:
    """Of a month."""
    assert month.end is not None
    return days(month.end - DAY)


def dated(day: int, month: int, year: int) -> datetime | None:
    """A date, or None if the calendar has none such."""
    year = year + 2000 if year < 100 else year
    if year not in _YEARS or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return datetime(year, month, day)


def nearest(now: Now, choices: list[datetime | None]) -> datetime | None:
    """The one nearest to now, of those that the tense of the text allows."""
    known = [choice for choice in choices if choice is not None]
    fitting = [c for c in known if (c <= now.day if now.tense < 0 else c >= now.day if now.tense else True)]
    return min(fitting or known, key=lambda choice: abs(choice - now.day), default=None)


def yearly(now: Now, day: int, month: int) -> Period | None:
    """A day of a month, of the year that is meant."""
    found = nearest(now, [dated(day, month, now.day.year + offset) for offset in (-1, 0, 1)])
    return days(found) if found else None


def monthly(now: Now, day: int) -> Period | None:
    """A day of the month that is meant."""
    months = [months_from(now.day.replace(day=1), offset) for offset in (-1, 0, 1)]
    found = nearest(now, [dated(day, first.month, first.year) for first in months])
    return days(found) if found else None


def named_month(now: Now, month: int) -> Period:
    """A month of the year that is meant."""
    middle = nearest(now, [dated(15, month, now.day.year + offset) for offset in (-1, 0, 1)])
    assert middle is not None
    return month_of(middle)


def shifted(now: Now, count: float, unit: str) -> Period | None:
    """The day that is so many days, weeks, months or years away; an hour for hours. None beyond a century."""
    if abs(count) * _HOURS[unit] > _CENTURY:
        return None
    if unit == "hour":
        at = now.at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=count)
        return Period(at, at + timedelta(hours=1), "hour")
    if unit in ("month", "year") and count == int(count):
        return days(months_from(now.day, int(count) * (12 if unit == "year" else 1)))
    return days(now.day + round(count * _HOURS[unit] / 24) * DAY)


def at_time(day: Period, hour: int, minute: int | None) -> Period:
    """A time of day."""
    assert day.start is not None
    if minute is None:
        start = day.start + timedelta(hours=hour)
        return Period(start, start + timedelta(hours=1), "hour")
    start = day.start + timedelta(hours=hour, minutes=minute)
    return Period(start, start + timedelta(minutes=1), "minute")


def part_of(day: Period, first: int, last: int) -> Period:
    """From one hour to another; 24 is midnight after."""
    assert day.start is not None
    return Period(day.start + timedelta(hours=first), day.start + timedelta(hours=last))


NUMERIC = re.compile(
    r"(?<!\d)(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?P<separator>[./-])(?P<m2>\d{1,2})(?:(?P=separator)(?P<y2>\d{4}|\d{2})|(?=\.)|(?<=/\d\d)))(?!\d)"
)
CLOCK = re.compile(r"(?<![\d.])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?!\d)")


def numeric_date(text: str, now: Now, month_first: bool = False) -> Period | None:
    """`2026-04-02`, `04.04.2026`, `25.3.`; the day comes before the month unless told otherwise."""
    match = NUMERIC.search(text)
    if match is None:
        return None
    if match["y"]:
        found = dated(int(match["d"]), int(match["m"]), int(match["y"]))
        return days(found) if found else None
    day, month = int(match["d2"]), int(match["m2"])
    if (month_first or month > 12) and day <= 12:
        day, month = month, day
    if not match["y2"]:
        return yearly(now, day, month)
    found = dated(day, month, int(match["y2"]))
    return days(found) if found else None
