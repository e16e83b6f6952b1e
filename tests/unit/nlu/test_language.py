"""Which language a message is in."""

from __future__ import annotations

import pytest

from shoptalk.nlu.language import LanguageIdentifier
from shoptalk.nlu.message import Message


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("where is my order 10234?", "en"),
        ("我的订单10234到哪了", "zh"),
        ("我的order到哪了呀", "zh"),
        ("訂單還沒到", "zh"),
        ("好的", "zh"),
        ("thanks!", "en"),
        ("do you have the 外套 in blue", "en"),
        ("can i return trousers after washing them", "en"),
        ("10234", None),
        ("anna@example.com", None),
        ("SO-10234", None),
        ("Brookside", None),
        ("👍", None),
        ("XL", None),
        ("私の注文はどこですか", None),
    ],
)
def test_language(text: str, language: str | None) -> None:
    message = Message(text)
    LanguageIdentifier({}).process([message])
    assert [e["value"] for e in message.entities] == ([] if language is None else [language])
    for entity in message.entities:
        assert entity["entity"] == "language"
        assert entity["extractor"] == "LanguageIdentifier"


def test_other_languages_on_demand() -> None:
    message = Message("私の注文はどこですか")
    LanguageIdentifier({"languages": ["ja"]}).process([message])
    assert message.entities[0]["value"] == "ja"
