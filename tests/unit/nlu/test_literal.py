"""Messages that say their meaning themselves: `/intent@0.5{"entity": "value"}`."""

from __future__ import annotations

from typing import Any

import pytest

from shoptalk.nlu.regex_message import read_literal


def parse(text: str, **known: Any) -> dict[str, Any]:
    found = read_literal(text, **known)
    assert found is not None
    return found


def test_everything_is_replaced() -> None:
    found = parse('/tell{"colour": "red"}')
    intent = {"name": "tell", "confidence": 1.0}
    entity = {"entity": "colour", "value": "red", "start": 5, "end": 22, "extractor": "RegexMessageHandler"}
    assert found == {
        "text": '/tell{"colour": "red"}',
        "intent": intent,
        "intent_ranking": [intent],
        "entities": [entity],
    }


@pytest.mark.parametrize(
    ("text", "confidence"),
    [("/a", 1.0), ("/a@0.4", 0.4), ("/a@7", 1.0), ("/a@1.2.3", 0.0), ('/a@0.5{"b": 1}', 0.5)],
)
def test_confidence(text: str, confidence: float) -> None:
    assert parse(text)["intent"] == {"name": "a", "confidence": confidence}


def test_a_list_is_several_entities() -> None:
    assert [e["value"] for e in parse('/inform{"number": ["3", "4"], "x": null}')["entities"]] == [
        "3",
        "4",
        None,
    ]


@pytest.mark.parametrize("text", ["/inform{bad}", '/inform{"a": }'])
def test_broken_json_gives_no_entities(text: str) -> None:
    assert parse(text)["entities"] == []


def test_the_domain_decides() -> None:
    assert read_literal("/unknown", ["greet"], []) is None
    assert read_literal("/greet hello", ["greet"], []) is None
    assert parse(' /greet{"a": 1, "b": 2} ', intents=["greet"], entities=["b"])["entities"][0]["value"] == 2


@pytest.mark.parametrize("text", ["hello", "", "/", "a/b"])
def test_ordinary_texts_are_left_alone(text: str) -> None:
    assert read_literal(text) is None
