"""Passages of the shop's own articles, and what a generator is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from shop.articles import find_article
from shoptalk.core.domain import Domain
from shoptalk.core.events import UserUttered
from shoptalk.core.tracker import Tracker

OWN_TEXT = "I cannot answer that reliably myself. A colleague can."


@dataclass
class Asked:
    """What a response hands to a generator."""

    tracker: Tracker
    arguments: Mapping[str, Any]
    text: str = OWN_TEXT
    message_id: str = "m1"
    response: str = "utter_free_reply"
    instructions: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture
def ask() -> Callable[..., Asked]:
    """Makes a request about a question and the articles of some slugs."""

    def make(question: str, *slugs: str, language: str = "en") -> Asked:
        tracker = Tracker.from_events("s", [UserUttered(text=question)], Domain())
        return Asked(
            tracker, {"question": question, "passages": [as_argument(slug, language) for slug in slugs]}
        )

    return make


def as_argument(slug: str, language: str) -> dict[str, str]:
    """A passage as the fallback action gives it."""
    article = find_article(slug, language)
    assert article is not None
    return {"title": article.title, "text": article.text, "url": article.url}
