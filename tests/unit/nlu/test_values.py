"""Values out of words: every phrase of the shop's list, and texts that no one would write."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from shoptalk.nlu.values.identity import read_email, read_identifier, read_phone
from shoptalk.nlu.values.money import read_money, read_number
from shoptalk.nlu.values.times import read_time
from shoptalk.nlu.values.wear import read_color, read_size

QUESTIONS = Path(__file__).parents[2] / "bot" / "questions"
NOW = datetime(2026, 3, 18, 14, 30, tzinfo=ZoneInfo("Europe/Berlin"))
Value = dict[str, Any] | None

READ: dict[str, Callable[[str, str], Value]] = {
    "time": lambda text, context: read_time(text, NOW, context or text),
    "money": lambda text, context: read_money(text, "EUR"),
    "number": lambda text, context: read_number(text),
    "identifier": lambda text, context: read_identifier(text),
    "email": lambda text, context: read_email(text),
    "phone": lambda text, context: read_phone(text, "DE"),
    "size": lambda text, context: read_size(text),
    "color": lambda text, context: read_color(text),
}


def phrases() -> list[Any]:
    rows = [
        (language, row)
        for language in ("en", "zh")
        for row in yaml.safe_load((QUESTIONS / f"normalised_{language}.yml").read_text(encoding="utf-8"))
    ]
    return [pytest.param(row, id=f"{language}-{row['kind']}-{row['text']}") for language, row in rows]


@pytest.mark.parametrize("row", phrases())
def test_phrase(row: dict[str, Any]) -> None:
    assert short(row["kind"], READ[row["kind"]](row["text"], row.get("in", ""))) == row["value"]


def short(kind: str, value: Value) -> Any:
    """A value as the lists of phrases write it."""
    if value is None:
        return None
    if kind == "time":
        return short_time(value)
    if kind not in ("money", "number"):
        return value["value"]
    if value["type"] == "value":
        about = "about " if value.get("approximate") else ""
        return about + f"{value['value']:g} {value.get('unit', '')}".rstrip()
    edges = [value.get(edge, {}) for edge in ("from", "to")]
    numbers = "..".join(f"{edge['value']:g}" if edge else "" for edge in edges)
    return f"{numbers} {next(edge['unit'] for edge in edges if edge)}"


def short_time(value: dict[str, Any]) -> str:
    if value["type"] == "value":
        return plain(value["value"], value["grain"] in ("hour", "minute")) + (
            "" if value["grain"] == "day" else f" {value['grain']}"
        )
    edges = [value.get(edge) for edge in ("from", "to")]
    clock = any(edge and edge["grain"] != "day" for edge in edges)
    return "/".join(plain(edge["value"], clock) if edge else "" for edge in edges)


def plain(iso: str, clock: bool) -> str:
    return iso[:16] if clock else iso[:10]


def test_times_carry_the_offset_of_their_zone() -> None:
    assert read_time("tomorrow", NOW) == {
        "type": "value",
        "value": "2026-03-19T00:00:00.000+01:00",
        "grain": "day",
    }
    summer = read_time("4 April", NOW)
    assert summer is not None
    assert summer["value"] == "2026-04-04T00:00:00.000+02:00"


@pytest.mark.parametrize(
    "text",
    ["31 February", "32.13.2026", "9999999 years ago", "二月三十号", "99999999天前", "0/0/0000", "13月1号"],
)
def test_dates_that_no_calendar_has_are_none(text: str) -> None:
    assert read_time(text, NOW) is None


def test_month_first_where_a_project_says_so() -> None:
    found = read_time("4/5/2026", NOW, month_first=True)
    assert found is not None
    assert found["value"].startswith("2026-04-05")


@pytest.mark.parametrize("seed", range(20))
def test_no_text_breaks_a_reader(seed: int) -> None:
    """Pieces of real phrases in any order, with signs between: a value or None, never an error."""
    draw = random.Random(seed)
    pieces = [p.values[0]["text"] for p in phrases()] + [
        "",
        " ",
        "\x00",
        "😀",
        "十",
        "-",
        "9" * 30,
        "零",
        "a",
        "%",
        "(",
        "千万",
    ]
    for _ in range(40):
        text = draw.choice(["", " "]).join(draw.choice(pieces) for _ in range(draw.randint(1, 5)))
        for read in READ.values():
            value = read(text, text)
            assert value is None or value["type"] in ("value", "interval")
