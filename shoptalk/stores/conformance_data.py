"""Conformance checks of conversations, outbox and reminders."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from shoptalk.errors import LeaseLost, Overloaded
from shoptalk.stores.base import Conversation, Deferred, Known, Reminder, StoreOptions, TrackerStore
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

# --- conversations --------------------------------------------------------------------------------


@contract()
async def a_turn_reads_the_newest_snapshot_and_its_tail(store: TrackerStore) -> None:
    for number in range(6):
        await served(store, "a", number, snapshot={"at": number} if number in (1, 2, 4) else None)
    newest = await conversation(store, "a", full=False)
    assert (newest.snapshot, newest.first_index, newest.length) == ({"at": 4}, 10, 12)
    assert [event["text"] for event in newest.events] == ["u5", "b5"]
    earlier = await store.load("a", earlier=True)
    assert earlier is not None
    assert (earlier.snapshot, earlier.first_index, len(earlier.events)) == (
        {"at": 2},
        6,
        6,
    )
    full = await conversation(store, "a")
    assert (full.snapshot, full.first_index, len(full.events), full.length) == (None, 0, 12, 12)
    await store.accept(message("a", 9))
    assert (await begun(store, "a")).conversation == newest


async def _next(store: TrackerStore, known: Known, number: int) -> Conversation:
    """What a turn is given that knows the beginning of its conversation; the turn is committed."""
    await store.accept(message("a", number))
    turn = await store.begin_turn("a", known)
    assert turn is not None
    await turn.commit([said(f"u{number}")], [])
    return turn.conversation


@contract()
async def what_is_known_need_not_be_sent_again(store: TrackerStore) -> None:
    await served(store, "a", 0, snapshot={"at": 0})
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    await turn.commit([said("u1")], [])
    first = turn.conversation
    if not first.mark:
        return  # a store need not tell what is new
    known = Known(first.mark, first.first_index, first.length)
    rest = await _next(store, known, 2)
    assert (rest.is_rest, rest.snapshot, rest.first_index, rest.length) == (True, None, 2, 3)
    assert [event["text"] for event in rest.events] == ["u1"]
    await store.append("a", [said("by hand")])
    rest = await _next(store, known, 3)
    assert [event["text"] for event in rest.events] == ["u1", "u2", "by hand"]
    for wrong in (replace(known, mark="x"), replace(known, first_index=0), replace(known, length=99)):
        whole = await _next(store, wrong, 4)
        assert (whole.is_rest, whole.snapshot) == (False, {"at": 0})
        await store.forget("a")
        await served(store, "a", 0, snapshot={"at": 0})


@contract()
async def another_history_is_sent_as_a_whole(store: TrackerStore) -> None:
    for change in ("replace", "forget", "snapshot"):
        await served(store, "a", 0)
        await store.accept(message("a", 1))
        turn = await begun(store, "a")
        await turn.commit([], [])
        known = Known(turn.conversation.mark, turn.conversation.first_index, turn.conversation.length)
        match change:
            case "replace":
                await store.replace("a", [said(str(number)) for number in range(9)])
            case "forget":
                await store.forget("a")
            case _:
                await served(store, "a", 2, snapshot={"at": 2})
        whole = await _next(store, known, 3)
        assert not whole.is_rest
        assert whole.first_index + len(whole.events) == whole.length
        await store.forget("a")


@contract()
async def an_unknown_sender_has_no_conversation(store: TrackerStore) -> None:
    assert await store.load("nobody") is None
    assert await store.load("nobody", full=True) is None
    await store.accept(message("a", 1))
    assert await store.load("a") is None
    assert (await begun(store, "a")).conversation == Conversation([], 0, None, 0)


@contract()
async def append_and_replace_write_between_turns(store: TrackerStore) -> None:
    assert await store.append("a", [said("1"), said("2")]) == 2
    assert await store.append("a", [said("3")], at=2) == 3
    await raises(LeaseLost, store.append("a", [said("4")], at=2))
    await served(store, "a", 1, snapshot={"n": 5})
    await store.replace("a", [said("9")])
    found = await conversation(store, "a", full=False)
    assert (found.snapshot, found.first_index, found.length) == (None, 0, 1)
    assert [event["text"] for event in found.events] == ["9"]


@contract(StoreOptions(busy_s=8.0))
async def append_waits_for_the_turn(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    writing = asyncio.create_task(store.append("a", [said("after")]))
    await asyncio.sleep(0.03)
    await turn.commit([said("before")], [])
    assert await writing == 2
    assert [event["text"] for event in (await conversation(store, "a")).events] == ["before", "after"]


@contract(StoreOptions(lease_ms=5000, busy_s=0.1))
async def append_gives_up_in_time(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    await begun(store, "a")
    await raises(Overloaded, store.append("a", [said("x")]))
    assert await store.load("a") is None


@contract()
async def forgetting_leaves_nothing(store: TrackerStore) -> None:
    await served(store, "a", 1, snapshot={"x": 1})
    await served(store, "b", 1)
    await store.reminders.schedule("a", {"name": "r"}, 1.0)
    await store.outbox.push("a", {"text": "secret"})
    await store.outbox.bury(await claimed(store), "no such number")
    await store.outbox.push("a", {"text": "secret"})
    await store.accept(message("a", 2))
    turn = await begun(store, "a")
    assert await store.forget("a") == 2
    await raises(LeaseLost, turn.commit([said("late")], []))
    assert await store.load("a") is None
    assert await store.begin_turn("a") is None
    assert (await store.accept(message("a", 1))).state == "new"
    assert await store.reminders.pending("a") == []
    assert await store.reminders.due(time.time()) == []
    assert await store.outbox.claim("c") == []
    assert await store.outbox.buried() == []
    assert (await store.senders())[0] == ["b"]
    assert await store.forget("nobody") == 0


@contract()
async def senders_are_listed_by_pages(store: TrackerStore) -> None:
    names = [f"sender-{number}" for number in range(25)]
    for name in names:
        await store.append(name, [said("x")])
    found, cursor = await store.senders(10)
    pages = 1
    while cursor:
        page, cursor = await store.senders(10, cursor)
        found, pages = found + page, pages + 1
        assert len(page) <= 10
        assert pages <= 10
    assert sorted(found) == sorted(names)


@contract(SHORT_LEASE)
async def stalled_senders_are_found(store: TrackerStore) -> None:
    for sender in ("old", "new", "served"):
        await store.accept(message(sender, 1))
        await asyncio.sleep(0.005)
    turn = await begun(store, "served")
    assert await store.stalled() == ["old", "new"]
    await turn.commit([], [])
    await begun(store, "old")
    assert await store.stalled() == ["new"]
    await asyncio.sleep(LEASE_OVER_S)
    assert await store.stalled() == ["old", "new"]


@contract(StoreOptions(record_exp_s=2.0))
async def records_expire_after_their_last_turn(store: TrackerStore) -> None:
    await served(store, "a", 1)
    await asyncio.sleep(1.0)
    await served(store, "a", 2)
    await asyncio.sleep(1.1)
    assert (await conversation(store, "a")).length == 4
    await asyncio.sleep(1.1)
    assert await store.load("a") is None
    assert (await store.senders())[0] == []
    assert (await store.accept(message("a", 1))).state == "done"


# --- outbox ---------------------------------------------------------------------------------------


@contract()
async def outbound_messages_go_out_in_order(store: TrackerStore) -> None:
    for number in range(3):
        await store.outbox.push("a", {"n": number})
    first = await store.outbox.claim("c1", 10)
    assert [entry.body for entry in first] == [{"n": 0}], "only the oldest of a sender may go"
    assert await store.outbox.claim("c2", 10) == []
    await store.outbox.done(first[0])
    await store.outbox.done(first[0])
    second = await claimed(store, "c2")
    assert (second.body, second.attempt) == ({"n": 1}, 1)
    await store.outbox.push("b", {"n": 7})
    assert (await claimed(store, "c1")).sender_id == "b"


@contract()
async def a_failed_delivery_is_retried_later(store: TrackerStore) -> None:
    await store.outbox.push("a", {"n": 1})
    await store.outbox.push("a", {"n": 2})
    entry = await claimed(store)
    await store.outbox.retry(entry, 0.8)
    assert await store.outbox.claim("c") == []
    again = await claimed(store, "c", 5.0)
    assert (again.entry_id, again.attempt, again.body) == (entry.entry_id, 2, {"n": 1})
    await store.outbox.bury(again, "blocked by the recipient")
    buried = await store.outbox.buried()
    assert [(b.sender_id, b.body) for b in buried] == [
        ("a", {"reason": "blocked by the recipient", "body": {"n": 1}})
    ]
    assert (await claimed(store)).body == {"n": 2}


@contract(SHORT_LEASE)
async def entries_of_a_silent_consumer_are_handed_out_again(store: TrackerStore) -> None:
    await store.outbox.push("a", {"n": 1})
    await claimed(store, "dies")
    await asyncio.sleep(0.5)
    assert (await claimed(store, "lives")).attempt == 2


@contract()
async def claiming_waits_for_work(store: TrackerStore) -> None:
    waiting = asyncio.create_task(store.outbox.claim("c", 1, 5.0))
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    await store.accept(message("a", 1))
    await (await begun(store, "a")).commit([], [], None, Deferred([{"n": 1}]))
    assert [entry.body for entry in await waiting] == [{"n": 1}]
    assert time.perf_counter() - start < 4.0


# --- reminders ------------------------------------------------------------------------------------


@contract()
async def reminders_go_off_once(store: TrackerStore) -> None:
    now = time.time()
    await store.reminders.schedule("a", {"name": "late", "intent": "x"}, now + 100)
    kept = await store.reminders.schedule("a", {"name": "soon", "intent": "y"}, now - 1)
    assert [r.name for r in await store.reminders.pending("a")] == ["soon", "late"]
    assert await store.reminders.due(now) == [kept]
    assert await store.reminders.due(now) == [], "claimed twice"
    assert await store.reminders.due(now + 61) == [kept], "a claim without done is handed out again"
    await store.reminders.done(kept)
    assert [r.name for r in await store.reminders.pending("a")] == ["late"]
    unnamed = await store.reminders.schedule("a", {}, now)
    assert unnamed.name
    assert unnamed.body["name"] == unnamed.name


@contract()
async def reminders_are_replaced_and_cancelled(store: TrackerStore) -> None:
    old = await store.reminders.schedule("a", {"name": "r", "n": 1}, 10.0)
    await store.reminders.schedule("a", {"name": "r", "n": 2}, 20.0)
    await store.reminders.done(old)
    assert [(r.due, r.body["n"]) for r in await store.reminders.pending("a")] == [(20.0, 2)]
    await store.reminders.schedule("b", {"name": "r"}, 10.0)
    assert await store.reminders.cancel("a", ["r", "unknown"]) == 1
    assert [r.sender_id for r in await store.reminders.due(100.0)] == ["b"]
    await store.reminders.schedule("b", {"name": "r2"}, 10.0)
    assert await store.reminders.cancel("b", []) == 0
    assert await store.reminders.cancel("b") == 2


@contract()
async def a_turn_schedules_and_cancels(store: TrackerStore) -> None:
    await store.reminders.schedule("a", {"name": "old"}, 10.0)
    await store.accept(message("a", 1))
    deferred = Deferred((), [Reminder("a", "new", {"intent": "x"}, 5.0)], ["old"])
    await (await begun(store, "a")).commit([], [], None, deferred)
    assert [(r.name, r.due, r.body) for r in await store.reminders.due(6.0)] == [
        ("new", 5.0, {"intent": "x"})
    ]
    assert [r.name for r in await store.reminders.pending("a")] == ["new"]
