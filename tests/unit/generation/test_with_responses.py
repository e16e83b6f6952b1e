"""The generator in its place: a response marked `generate: true`, streamed to the sink of a turn."""

from __future__ import annotations

import pytest

from shop.articles import find_article
from shoptalk.actions.base import CollectingSink, Scene
from shoptalk.actions.load import load_actions
from shoptalk.core.domain import Domain
from shoptalk.core.events import UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.generation import GuardedGenerator, ScriptedModel

OWN = "I cannot answer that reliably myself."
TRUE = "Standard shipping costs EUR 4.90. From an order value of EUR 50.00 it is free."


@pytest.mark.parametrize(
    ("said", "shown"), [(TRUE, TRUE), ("Shipping costs EUR 3.", OWN), ("I do not know.", OWN)]
)
async def test_a_response_is_worded_or_said_as_written(said: str, shown: str) -> None:
    article = find_article("shipping-cost", "en")
    assert article is not None
    variation = {
        "text": OWN,
        "metadata": {"generate": True},
        "buttons": [{"title": "Person", "payload": "/talk"}],
    }
    domain = Domain(responses={"utter_free_reply": [variation]})
    actions = load_actions(domain, generator=GuardedGenerator(ScriptedModel([said])))
    sink = CollectingSink()
    tracker = Tracker.from_events("s", [UserUttered(text="What does shipping cost?")], domain)
    scene = Scene(tracker=tracker, domain=domain, actions=actions, sink=sink)
    given = {"passages": [{"title": article.title, "text": article.text, "score": 0.99}]}
    draft = await actions.responses.generate("utter_free_reply", scene, given)
    assert draft is not None
    assert draft["text"] == shown
    assert draft["buttons"][0]["payload"] == "/talk"
    assert "".join(text for _, text in sink.deltas) == (shown if shown != OWN else "")
    assert all(message_id == draft["id"] for message_id, _ in sink.deltas)
