"""How matches of patterns and lookup tables share a text with what a classifier found."""

from __future__ import annotations

from typing import Any

import pytest

from shoptalk.core.training_data import EntitySpan, Example, Lookup, Pattern, TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.extractors.regex import RegexEntityExtractor
from shoptalk.nlu.message import Message

DATA = TrainingData(
    examples=(
        Example("ada@b.co", "tell", entities=(EntitySpan(0, 8, "email", "ada@b.co"),)),
        Example("a rain jacket", "ask", entities=(EntitySpan(2, 13, "product", "rain jacket"),)),
        Example("a jacket", "ask", entities=(EntitySpan(2, 8, "category", "jacket"),)),
    ),
    regexes=(Pattern("email", r"[a-z]+@[a-z.]+"),),
    lookups=(Lookup("category", ("jacket",)),),
)


def found(text: str, known: list[dict[str, Any]], overlaps: str) -> list[tuple[str, str]]:
    extractor = RegexEntityExtractor({"name": "RegexEntityExtractor", "overlaps": overlaps})
    extractor.train(DATA, [])
    extractor = RegexEntityExtractor.load({"overlaps": overlaps}, extractor.save())
    message = Message(text)
    message.entities.extend(known)
    extractor.process([message])
    return [(entity["entity"], text[entity["start"] : entity["end"]]) for entity in message.entities]


def entity(name: str, start: int, end: int) -> dict[str, Any]:
    return {"entity": name, "start": start, "end": end, "value": "", "extractor": "JointClassifier"}


def test_a_lookup_table_gives_way_to_a_longer_find() -> None:
    assert found("the rain jacket", [entity("product", 4, 15)], "settle") == [("product", "rain jacket")]


def test_a_regular_expression_wins_over_what_it_overlaps() -> None:
    assert found("邮箱ada@b.co", [entity("email", 0, 10)], "settle") == [("email", "ada@b.co")]


def test_what_was_found_already_is_not_found_twice() -> None:
    assert found("a jacket", [entity("category", 2, 8)], "settle") == [("category", "jacket")]


def test_what_nobody_annotates_is_no_rival() -> None:
    assert found("a jacket", [entity("language", 0, 8)], "settle") == [
        ("language", "a jacket"),
        ("category", "jacket"),
    ]


def test_overlaps_are_kept_by_default_as_in_rasa() -> None:
    assert found("the rain jacket", [entity("product", 4, 15)], "keep") == [
        ("product", "rain jacket"),
        ("category", "jacket"),
    ]


def test_an_unknown_way_to_overlap_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"overlaps: 'merge'.*keep, settle"):
        RegexEntityExtractor({"overlaps": "merge"})
