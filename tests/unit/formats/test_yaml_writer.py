"""Stories are written as Rasa 3.6.21 writes them; every line below is one of Rasa's own."""

from __future__ import annotations

from typing import Any

import pytest

from shoptalk.core.events import Event, decode
from shoptalk.formats.story_writer import stories_of
from shoptalk.formats.yaml_writer import literal

LISTEN = {"event": "action", "name": "action_listen"}


def said(text: str, intent: str | None = "i0", entities: Any = ()) -> dict[str, Any]:
    return {
        "event": "user",
        "text": text,
        "parse_data": {
            "intent": {"name": intent, "confidence": 1.0},
            "entities": list(entities),
            "text": text,
        },
    }


def steps(*events: dict[str, Any]) -> list[str]:
    decoded: list[Event] = [decode(event) for event in events]
    return stories_of("me", decoded).splitlines()[4:]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("a", ["s0: a"]),
        ("true", ["s0: 'true'"]),
        ("yes", ["s0: yes"]),
        ("1_000", ["s0: '1_000'"]),
        ("12:30", ["s0: 12:30"]),
        ("2020-01-01", ["s0: '2020-01-01'"]),
        ("", ["s0: ''"]),
        ("~", ["s0: '~'"]),
        ("=", ["s0: '='"]),
        ("a: b", ["s0: 'a: b'"]),
        ("'q'", ["s0: \"'q'\""]),
        ('"d"', ["s0: '\"d\"'"]),
        ("line\nbreak", ['s0: "line\\nbreak"']),
        ("你好", ["s0: 你好"]),
        ("😀 hi", ["s0: 😀 hi"]),
        ("---", ["s0: '---'"]),
        (None, ["s0: null"]),
        (True, ["s0: true"]),
        (1, ["s0: 1"]),
        (1e20, ["s0: 1e+20"]),
        (1e-7, ["s0: 1e-07"]),
        ([], ["s0: []"]),
        ({}, ["s0: {}"]),
        (["a", 1, None], ["s0:", "  - a", "  - 1", "  - null"]),
        ([["x"], ["y"]], ["s0:", "  - - x", "  - - y"]),
        ({"a": {"b": [1, 2]}}, ["s0:", "    a:", "      b:", "      - 1", "      - 2"]),
        ([{"a": 1, "b": "x"}, {"c": None}], ["s0:", "  - a: 1", "    b: x", "  - c: null"]),
    ],
)
def test_values_of_slots(value: Any, lines: list[str]) -> None:
    written = steps(LISTEN, said("/i0"), {"event": "slot", "name": "s0", "value": value})
    assert written[3:] == ["  - slot_was_set:", f"    - {lines[0]}", *(f"    {line}" for line in lines[1:])]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("hi", ["user: |-", "  hi"]),
        (" lead", ["user: |2-", "   lead"]),
        ("trailing\n", ["user: |", "  trailing"]),
        ("two\nlines", ["user: |-", "  two", "  lines"]),
    ],
)
def test_texts_of_users(text: str, lines: list[str]) -> None:
    assert literal("user", text) == lines


def test_a_message_without_text_or_intent_has_the_other_alone() -> None:
    assert steps(LISTEN, said("")) == ["  - intent: i0"]
    assert steps(LISTEN, said("x", None)) == ["  - user: |-", "      x"]


def test_a_message_that_was_answered_by_its_text_has_no_intent() -> None:
    by_text = {"event": "user_featurization", "use_text_for_featurization": True}
    bot = {"event": "action", "name": None, "action_text": "Hello: you"}
    assert steps(LISTEN, said("x"), by_text, bot) == ["  - user: |-", "      x", "  - bot: 'Hello: you'"]


def test_entities_with_values_that_are_no_texts() -> None:
    entity = {"entity": "n", "value": 5, "start": 4, "end": 5}
    assert steps(LISTEN, said("say 5", entities=[entity]))[2] == '      say [5]{"entity": "n", "value": 5}'


def test_unlikely_intents_are_not_part_of_a_story() -> None:
    unlikely = {"event": "action", "name": "action_unlikely_intent"}
    assert steps(unlikely, LISTEN, said("x"), unlikely, {"event": "action", "name": "utter_x"})[3:] == [
        "  - action: utter_x"
    ]
