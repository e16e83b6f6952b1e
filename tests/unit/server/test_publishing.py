"""Committed turns reach the event broker, in order, whether or not it is there at first."""

from __future__ import annotations

import asyncio

from shoptalk.assistant import Assistant
from shoptalk.core.domain import Domain
from shoptalk.core.messages import UserMessage
from shoptalk.errors import Unavailable
from shoptalk.server import publishing
from shoptalk.server.publishing import Publisher
from shoptalk.stores.broker import CollectingBroker


class Away(CollectingBroker):
    """Refuses the first calls."""

    refusals = 2

    async def publish(self, sender_id, events):
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("not yet")
        await super().publish(sender_id, events)


async def _told(broker, monkeypatch) -> list[dict]:
    monkeypatch.setattr(publishing, "FIRST_WAIT_S", 0.01)
    publisher = Publisher(broker)
    assistant = Assistant(Domain(), None, watch=publisher.watch)
    task = asyncio.create_task(publisher.run())
    for text in ("one", "two"):
        await assistant.handle(UserMessage(text, "anna"))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await assistant.close()
    return broker.messages


async def test_every_event_is_told_in_order(monkeypatch):
    told = await _told(CollectingBroker(), monkeypatch)
    assert {message["sender_id"] for message in told} == {"anna"}
    assert [m["event"] for m in told] == ["action", "session_started", "action", "user", "user"]
    assert [m["text"] for m in told if m["event"] == "user"] == ["one", "two"]


async def test_a_broker_that_was_away_hears_it_all_once(monkeypatch):
    told = await _told(Away(), monkeypatch)
    assert [m["text"] for m in told if m["event"] == "user"] == ["one", "two"]


async def test_what_waits_at_the_end_is_told(monkeypatch):
    broker = CollectingBroker()
    publisher = Publisher(broker)
    assistant = Assistant(Domain(), None, watch=publisher.watch)
    await assistant.handle(UserMessage("last", "anna"))
    task = asyncio.create_task(publisher.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await assistant.close()
    assert broker.messages[-1]["text"] == "last"
