"""Figures are the same however they are written."""

from __future__ import annotations

import pytest

from shoptalk.generation.figures import Figure, figures, supported


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EUR 4.90", {("4.9", "eur")}),
        ("4,90 €", {("4.9", "eur")}),
        ("４.９０欧元", {("4.9", "eur")}),
        ("1,000 EUR", {("1000", "eur")}),
        ("within thirty days", {("30", "day")}),
        ("三十天内", {("30", "day")}),
        ("٣٠ days", {("30", "day")}),
        ("2 to 4 working days", {("2", "workday"), ("4", "workday"), ("2-4", "workday")}),
        ("七至十二个工作日", {("7", "workday"), ("12", "workday"), ("7-12", "workday")}),
        ("百分之十五", {("15", "percent")}),
        ("15 per cent", {("15", "percent")}),
        ("打八折", {("8", "tenths")}),
        ("twenty-five euros", {("25", "eur")}),
        ("a hundred and twenty dollars", {("120", "usd")}),
        ("half price", {("0.5", "")}),
        ("半价", {("0.5", "price")}),
        ("by 14:00", {("14:00", "clock")}),
        ("a week", {("1", "week")}),
        ("两周", {("2", "week")}),
        ("tomorrow", {("tomorrow", "date")}),
        ("明天", {("明天", "date")}),
        ("on Friday", {("friday", "date")}),
        ("双倍", {("2", "times")}),
    ],
)
def test_reads(text: str, expected: set[tuple[str, str]]) -> None:
    assert {(f.value, f.unit) for f in figures(text)} == expected


@pytest.mark.parametrize(
    "text",
    [
        "How are you today?",
        "one of our friends",
        "十分感谢",
        "我们一起走",
        "万一下雨",
        "no one knows",
        "一般来说",
        "四季",
    ],
)
def test_idioms_hold_no_figures(text: str) -> None:
    assert not figures(text)


def test_a_figure_needs_its_unit() -> None:
    known = figures("30 days, 94 to 100")
    assert supported(Figure("30", "day"), known)
    assert supported(Figure("94", "cm"), known)
    assert not supported(Figure("30", "workday"), known)
    assert not supported(Figure("94", "eur"), known)
    assert supported(Figure("30"), known)
    assert not supported(Figure("31"), known)
