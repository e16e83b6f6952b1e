"""Outbox to messenger: in order, again when it failed, aside when it cannot be, and not twice."""

from __future__ import annotations

import asyncio

import pytest

from shoptalk.channels.outbound import DeliveryFailed
from shoptalk.errors import Unavailable
from shoptalk.server.delivery import DeliveryOptions, OutboxWorker, deliver_for
from shoptalk.stores.base import StoredMessage, StoreOptions
from shoptalk.stores.memory import MemoryTrackerStore

CALLBACK = "url: '{url}/bot'"
QUICK = DeliveryOptions(first_delay_s=0.02, longest_delay_s=0.05, wait_s=0.1, attempts=3, away_s=0.02)


class Wire:
    """A user's own channel that fails as it is told, and remembers."""

    name = "wire"

    def __init__(self):
        self.sent, self.failures, self.delay_s = [], [], 0.0

    async def send(self, recipient, message):
        await asyncio.sleep(self.delay_s)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        self.sent.append((recipient, message["text"]))


@pytest.fixture
async def outbox():
    """`outbox(store)` -> the wire a worker sends by."""
    tasks = []

    def start(store, options=QUICK):
        wire = Wire()
        tasks.append(asyncio.create_task(OutboxWorker(lambda: store, [wire], options).run()))
        return wire

    yield start
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])


def entry(text, recipient="r", channel="wire"):
    return {"channel": channel, "recipient": recipient, "message": {"text": text}}


async def until(condition, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_entries_of_a_sender_are_sent_in_order_and_others_do_not_wait(outbox):
    store = MemoryTrackerStore()
    for number in range(5):
        await store.outbox.push("anna", entry(f"a{number}", "A"))
        await store.outbox.push("bob", entry(f"b{number}", "B"))
    wire = outbox(store)
    wire.failures = [DeliveryFailed("busy", again=True)]
    await until(lambda: len(wire.sent) == 10)
    for who in "AB":
        assert [text for to, text in wire.sent if to == who] == [f"{who.lower()}{n}" for n in range(5)]


async def test_what_fails_for_a_while_is_tried_again_and_then_put_aside(outbox):
    store = MemoryTrackerStore()
    wire = outbox(store)
    wire.failures = (
        [DeliveryFailed("busy", again=True)] * 2 + [None] + [DeliveryFailed("busy", again=True)] * 3
    )
    await store.outbox.push("anna", entry("first"))
    await store.outbox.push("anna", entry("second"))
    await store.outbox.push("anna", entry("third"))
    await until(lambda: len(wire.sent) == 2)
    assert [text for _, text in wire.sent] == ["first", "third"]
    buried = await store.outbox.buried()
    assert [(b.body["body"]["message"]["text"], b.body["reason"]) for b in buried] == [("second", "busy")]


async def test_what_cannot_be_sent_is_put_aside_at_once(outbox):
    store = MemoryTrackerStore()
    wire = outbox(store)
    wire.failures = [DeliveryFailed("no such user", again=False)]
    await store.outbox.push("anna", entry("lost"))
    await store.outbox.push("anna", entry("kept"))
    await until(lambda: wire.sent)
    assert [b.attempt for b in await store.outbox.buried()] == [1]


async def test_a_channels_bug_stops_nothing(outbox):
    store = MemoryTrackerStore()
    wire = outbox(store)
    wire.failures = [ZeroDivisionError("a bug")]
    await store.outbox.push("anna", entry("again"))
    await until(lambda: wire.sent)


async def test_retry_after_is_waited_for(outbox):
    store = MemoryTrackerStore()
    wire = outbox(store)
    wire.failures = [DeliveryFailed("slow down", again=True, after_s=0.5)]
    await store.outbox.push("anna", entry("later"))
    begin = asyncio.get_running_loop().time()
    await until(lambda: wire.sent)
    assert asyncio.get_running_loop().time() - begin >= 0.45


async def test_what_was_sent_is_not_sent_again_when_the_store_forgot(outbox, monkeypatch):
    """The store went away between sending and noting it: the entry comes back, and is only noted."""
    store = MemoryTrackerStore(StoreOptions(reclaim_s=0.1))
    note, failures = store.outbox.done, [1, 1]

    async def away(sent):
        if failures:
            failures.pop()
            raise Unavailable("The store does not answer.")
        await note(sent)

    monkeypatch.setattr(store.outbox, "done", away)
    wire = outbox(store)
    await store.outbox.push("anna", entry("once"))
    await until(lambda: not failures)
    await asyncio.sleep(0.3)
    assert wire.sent == [("r", "once")]
    assert await store.outbox.claim("other") == []


async def test_sending_that_hangs_is_given_up(outbox):
    store = MemoryTrackerStore()
    wire = outbox(store, DeliveryOptions(send_s=0.05, first_delay_s=0.01, wait_s=0.1, attempts=2))
    wire.delay_s = 60
    await store.outbox.push("anna", entry("never"))
    async with asyncio.timeout(5):
        while not (buried := await store.outbox.buried()):
            await asyncio.sleep(0.01)
    assert "took too long" in buried[0].body["reason"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_worker_can_be_stopped_while_entries_come_in():
    for _ in range(20):
        store = MemoryTrackerStore()
        task = asyncio.create_task(OutboxWorker(lambda s=store: s, [Wire()], QUICK).run())
        await asyncio.sleep(0.005)
        await store.outbox.push("anna", entry("x"))
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        assert done


def test_only_what_was_accepted_or_nobody_asked_for_is_delivered():
    deliver = deliver_for([Wire()])
    said = {"kind": "message", "text": "hi", "metadata": {}}
    reply = [{"text": "One\n\nTwo", "custom": {"type": "orders", "items": []}}]

    def entries(body, channel="wire"):
        return [e["message"]["text"] for e in deliver(StoredMessage(channel, "anna", "m1", body), reply)]

    assert entries({**said, "deliver": True}) == ["One", "Two"]
    assert entries(said) == []
    assert entries({"kind": "reminder"}) == ["One", "Two"]
    assert entries({**said, "deliver": True}, "rest") == []
    ids = [
        e["message"]["id"] for e in deliver(StoredMessage("wire", "anna", "m1", {"kind": "trigger"}), reply)
    ]
    assert ids == ["m1:0", "m1:1"]


async def test_a_flaky_messenger_gets_each_part_once(open_world, vendor):
    calls = []

    def flaky(seen):
        calls.append(seen.json["text"])
        return (500, {}, {}) if len(calls) in (1, 3) else {"ok": True}

    vendor.answers["/bot"] = flaky
    world = await open_world("callback", CALLBACK, delivery=QUICK)
    await world.call("/webhooks/callback/webhook", b'{"sender": "anna", "message": "hi"}')
    await until(lambda: len(calls) == 4)
    assert calls == ["Hi!", "Hi!", "How can I help?", "How can I help?"]
    keys = [seen.headers["idempotency-key"] for seen in vendor.seen]
    assert (keys[0] == keys[1], keys[2] == keys[3], keys[0] == keys[2]) == (True, True, False)


async def test_reminders_and_triggers_find_where_somebody_wrote_last(open_world, vendor):
    vendor.answers |= {
        "/posts/p1": {"id": "p1", "user_id": "u1", "channel_id": "c1", "message": "@bot hi"},
    }
    world = await open_world("mattermost", "url: '{url}'\ntoken: t")
    body = (
        b'{"trigger_word": "@bot", "text": "@bot hi", "user_id": "u1", "channel_id": "c1", "post_id": "p1"}'
    )
    assert (await world.call("/webhooks/mattermost/webhook", body)).status == 200
    await vendor.wait_for(2, "/posts")
    await world.holder.assistant.trigger("u1", "greet", channel="mattermost")
    sent = await vendor.wait_for(4, "/posts")
    assert {s.json["channel_id"] for s in sent} == {"c1"}
    await world.holder.assistant.trigger("stranger", "greet", channel="mattermost")
    async with asyncio.timeout(5):
        while not (buried := await world.store.outbox.buried()):
            await asyncio.sleep(0.01)
    assert "have not written yet" in buried[0].body["reason"]
