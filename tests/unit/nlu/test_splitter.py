"""IntentSplitter: two wishes in one message, and what is only a pause."""

from __future__ import annotations

from typing import Any

import pytest
from nlu_kit import data, trained

from shoptalk.nlu.message import Message
from shoptalk.nlu.pipeline import Pipeline

WISHES = data(
    {
        "greet": ["hello", "hi there", "hey"],
        "order_status": ["where is my order", "track my order", "订单到哪了", "查一下订单"],
        "shipping": ["what does shipping cost", "shipping cost", "运费多少钱", "运费怎么算"],
    }
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    keyword = "KeywordIntentClassifier"
    splitter = {"name": "IntentSplitter", "ignore": ["greet"]}
    return trained(["MultilingualTokenizer", "LanguageIdentifier", keyword, splitter], WISHES)


def clauses(pipeline: Pipeline, text: str) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = pipeline.parse([text])[0].get("clauses", [])
    assert all(text[c["start"] : c["end"]] == c["text"] for c in found)
    return [(c["text"], c["intent"]["name"]) for c in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "where is my order and what does shipping cost",
            [("where is my order", "order_status"), ("what does shipping cost", "shipping")],
        ),
        (
            "where is my order? Also, shipping cost please",
            [("where is my order?", "order_status"), (" shipping cost please", "shipping")],
        ),
        ("订单到哪了，另外运费多少钱", [("订单到哪了", "order_status"), ("运费多少钱", "shipping")]),
        ("where is my order. track my order", []),
        ("hello, where is my order", []),
        ("where is my order", []),
        ("where is my order, please", []),
        ("track my order.shipping cost", []),  # a dot inside a word, as in an e-mail address
        ("", []),
    ],
)
def test_clauses(pipeline: Pipeline, text: str, expected: list[tuple[str, str]]) -> None:
    found = [(said.strip(), intent) for said, intent in clauses(pipeline, text)]
    assert found == [(said.strip(), intent) for said, intent in expected]


def test_the_message_itself_is_understood_as_before(pipeline: Pipeline) -> None:
    text = "where is my order and what does shipping cost"
    result = pipeline.parse([text])[0]
    plain = trained(["MultilingualTokenizer", "LanguageIdentifier", "KeywordIntentClassifier"], WISHES)
    assert {key: value for key, value in result.items() if key != "clauses"} == plain.parse([text])[0]


def test_no_more_is_understood_than_can_be_two_wishes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyword, understood = pipeline.steps[2].component, list[str]()
    process = keyword.process

    def note(messages: list[Message]) -> None:
        understood.extend(message.text for message in messages)
        process(messages)

    monkeypatch.setattr(keyword, "process", note)
    text = "where is my order and please hurry up a bit"
    assert clauses(pipeline, text) == []
    assert understood == [text, "where is my order", "please hurry up a bit"]
    understood.clear()
    text = "oh dear, where is my order today"
    assert clauses(pipeline, text) == []
    assert understood == [text, "oh dear"]
    understood.clear()
    assert clauses(pipeline, "hello, hello there") == []
    assert understood == ["hello, hello there"]


def test_many_pieces_are_left_alone(pipeline: Pipeline) -> None:
    assert clauses(pipeline, "where is my order. " + "shipping cost. where is my order. " * 20) == []


def test_neighbours_of_one_intent_are_one_clause(pipeline: Pipeline) -> None:
    text = "track my order. where is my order? shipping cost"
    assert [intent for _, intent in clauses(pipeline, text)] == ["order_status", "shipping"]
