"""Conformance checks of inboxes and turns."""

from __future__ import annotations

import asyncio
import time

from shoptalk.errors import LeaseLost, Overloaded, StoreError
from shoptalk.stores.base import Deferred, Reminder, StoredMessage, StoreOptions, TrackerStore
from shoptalk.stores.conformance_kit import (
    LEASE_OVER_S,
    SHORT_LEASE,
    begun,
    claimed,
    contract,
    conversation,
    message,
    raises,
    said,
    served,
)

# --- accept ---------------------------------------------------------------------------------------


@contract()
async def a_message_is_accepted_once(store: TrackerStore) -> None:
    first = await store.accept(message("a", 1))
    again = await store.accept(message("a", 1, "changed on the way"))
    assert (first.state, first.waiting, again.state, again.replies) == ("new", 1, "pending", None)
    turn = await begun(store, "a")
    assert turn.message.body["text"] == "hello"
    assert abs(turn.message.accepted_at - time.time()) < 60
    await turn.commit([said("hello")], [{"text": "hi"}])
    done = await store.accept(message("a", 1))
    assert (done.state, done.replies) == ("done", [{"text": "hi"}])
    assert await store.begin_turn("a") is None


@contract()
async def channels_and_senders_do_not_share_ids(store: TrackerStore) -> None:
    for sender, channel in (("a", "rest"), ("a", "web"), ("b", "rest")):
        assert (await store.accept(message(sender, 1, channel=channel))).state == "new"


@contract()
async def an_inbox_is_bounded(store: TrackerStore) -> None:
    for number in range(20):
        assert (await store.accept(message("a", number))).waiting == number + 1
    await raises(Overloaded, store.accept(message("a", 20)))
    assert (await store.accept(message("a", 19))).state == "pending"
    assert (await store.accept(message("b", 20))).state == "new"
    await (await begun(store, "a")).commit([], [])
    assert (await store.accept(message("a", 20))).state == "new"


@contract(StoreOptions(dedupe_s=0.05))
async def replies_are_forgotten_in_time(store: TrackerStore) -> None:
    await served(store, "a", 1)
    await asyncio.sleep(0.12)
    assert (await store.accept(message("a", 1))).state == "new"


@contract()
async def bad_ids_are_refused(store: TrackerStore) -> None:
    for bad in (StoredMessage("rest", "", "1", {}), StoredMessage("rest", "a\0b", "1", {}),
                StoredMessage("rest", "a", "", {}), StoredMessage("rest", "x" * 256, "1", {}),
                StoredMessage("rest", "a", "1", {"number": float("nan")})):  # fmt: skip
        await raises(StoreError, store.accept(bad))
    assert await store.begin_turn("a") is None


@contract()
async def any_text_survives(store: TrackerStore) -> None:
    texts = ["", "\0", "你好，世界", "\ud800", "{}[]\n\r\"'\\", "🏮" * 500, "%s {0} \x1b[31m"]
    await store.accept(StoredMessage("rest", "用户:1", "ид", {"texts": texts}))
    turn = await begun(store, "用户:1")
    assert turn.message.body == {"texts": texts}
    assert turn.message.message_id == "ид"
    await turn.commit([said(text) for text in texts], [{"text": text} for text in texts], {"texts": texts})
    full = await conversation(store, "用户:1")
    assert [event["text"] for event in full.events] == texts
    assert (await conversation(store, "用户:1", full=False)).snapshot == {"texts": texts}
    assert await store.wait_for_replies("rest", "用户:1", "ид", 0) == [{"text": text} for text in texts]


# --- turns ----------------------------------------------------------------------------------------


@contract()
async def turns_come_one_at_a_time_in_order(store: TrackerStore) -> None:
    for number in range(5):
        await store.accept(message("a", number))
    for number in range(5):
        turn = await begun(store, "a")
        assert turn.message.message_id == f"m{number}"
        assert turn.attempt == 1
        assert await store.begin_turn("a") is None
        assert turn.conversation.length == number
        await turn.commit([said(str(number))], [])
    assert await store.begin_turn("a") is None
    assert [event["text"] for event in (await conversation(store, "a")).events] == list("01234")


@contract()
async def many_tasks_never_overlap(store: TrackerStore) -> None:
    inside, order = 0, list[str]()

    async def worker() -> None:
        nonlocal inside
        while len(order) < 12:
            turn = await store.begin_turn("a")
            if turn is None:
                await store.wait_for_turn("a", 0.05)
                continue
            inside += 1
            assert inside == 1, "two turns of one sender at a time"
            await asyncio.sleep(0.001)
            order.append(turn.message.message_id)
            inside -= 1
            await turn.commit([said(turn.message.message_id)], [])

    for number in range(12):
        await store.accept(message("a", number))
    await asyncio.gather(*(worker() for _ in range(4)))
    assert order == [f"m{number}" for number in range(12)]
    assert [event["text"] for event in (await conversation(store, "a")).events] == order


@contract()
async def a_released_turn_is_served_again(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    await turn.release()
    again = await begun(store, "a")
    assert (again.message, again.attempt) == (turn.message, 2)
    await raises(LeaseLost, turn.commit([said("stale")], []))
    await turn.release()
    assert await store.begin_turn("a") is None, "a stale release took the lease away"
    await again.commit([said("right")], [])
    assert [event["text"] for event in (await conversation(store, "a")).events] == ["right"]


@contract(SHORT_LEASE)
async def a_lost_lease_writes_nothing(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    stale = await begun(store, "a")
    await asyncio.sleep(LEASE_OVER_S)
    deferred = Deferred([{"to": "a"}], [Reminder("a", "r", {}, 1.0)])
    await raises(LeaseLost, stale.commit([said("late")], [{"text": "late"}], {"late": True}, deferred))
    await raises(LeaseLost, stale.extend())
    fresh = await begun(store, "a")
    assert (fresh.attempt, fresh.conversation.length) == (2, 0)
    await raises(LeaseLost, stale.commit([said("late")], [{"text": "late"}]))
    await fresh.commit([said("in time")], [{"text": "in time"}])
    await raises(LeaseLost, stale.commit([said("late")], [{"text": "late"}]))
    assert [event["text"] for event in (await conversation(store, "a")).events] == ["in time"]
    assert await store.wait_for_replies("rest", "a", "m1", 0) == [{"text": "in time"}]
    assert await store.outbox.claim("c") == []
    assert await store.reminders.pending("a") == []


@contract(SHORT_LEASE)
async def an_extended_lease_holds(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    for _ in range(3):
        await asyncio.sleep(LEASE_OVER_S / 3)
        await turn.extend()
    assert await store.begin_turn("a") is None
    await turn.commit([said("1")], [])


@contract()
async def a_commit_counts_once(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    await store.accept(message("a", 2))
    turn = await begun(store, "a")
    for _ in range(2):
        await turn.commit([said("1")], [{"text": "1"}], {"n": 1}, Deferred([{"n": 1}]))
    assert (await conversation(store, "a")).length == 1
    assert (await begun(store, "a")).message.message_id == "m2"
    await store.outbox.done(await claimed(store))
    assert await store.outbox.claim("c") == []


@contract()
async def a_bad_turn_is_refused_whole(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    await raises(StoreError, turn.commit([said("1"), {"event": "slot", "value": {1, 2}}], []))
    await raises(StoreError, turn.commit([said("1")], [{"value": float("inf")}]))
    assert await store.load("a") is None
    await turn.commit([said("2")], [])
    assert (await conversation(store, "a")).length == 1


@contract()
async def the_caller_shares_nothing_with_the_store(store: TrackerStore) -> None:
    body, event, reply, state = {"text": "x"}, said("x"), {"text": "x"}, {"slots": {"a": 1}}
    await store.accept(StoredMessage("rest", "a", "m1", body))
    body["text"] = "changed"
    turn = await begun(store, "a")
    assert turn.message.body == {"text": "x"}
    await turn.commit([event], [reply], state)
    event["text"], reply["text"], state["slots"] = "changed", "changed", {}
    (await conversation(store, "a")).events[0]["text"] = "changed"
    found = await conversation(store, "a", full=False)
    assert found.snapshot == {"slots": {"a": 1}}
    assert (await conversation(store, "a")).events[0]["text"] == "x"
    assert await store.wait_for_replies("rest", "a", "m1", 0) == [{"text": "x"}]


# --- waiting --------------------------------------------------------------------------------------


@contract()
async def waiting_ends_with_the_replies(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    waiters = [asyncio.create_task(store.wait_for_replies("rest", "a", "m1", 5.0)) for _ in range(3)]
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    await (await begun(store, "a")).commit([], [{"text": "hi"}])
    assert await asyncio.gather(*waiters) == [[{"text": "hi"}]] * 3
    assert time.perf_counter() - start < 1.0


@contract()
async def waiting_ends_in_time(store: TrackerStore) -> None:
    start = time.perf_counter()
    assert await store.wait_for_replies("rest", "a", "m1", 0.1) is None
    await store.wait_for_turn("a", 0.1)
    assert time.perf_counter() - start < 1.5


@contract(SHORT_LEASE)
async def waiting_for_a_turn_ends_with_the_lease(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    await begun(store, "a")
    deadline = time.perf_counter() + 6.0
    while await store.begin_turn("a") is None:
        assert time.perf_counter() < deadline
        await store.wait_for_turn("a", 5.0)
