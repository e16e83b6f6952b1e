"""What every tracker store must do, as checks anyone can run on a store of their own.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_store(check):
        run_check(check, lambda options: MyStore(options))

`open_store` gives an empty store with the options it is passed; it may be async. `conformance_machine`
adds a random test of the same contract.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from shoptalk.errors import LeaseLost, Overloaded, StoreError
from shoptalk.stores.base import (
    Conversation,
    Deferred,
    Json,
    Outgoing,
    Reminder,
    StoredMessage,
    StoreOptions,
    TrackerStore,
    Turn,
)

OpenStore: TypeAlias = Callable[[StoreOptions], TrackerStore | Awaitable[TrackerStore]]
Check: TypeAlias = Callable[[TrackerStore], Awaitable[None]]

CHECKS: list[Check] = []
_OPTIONS: dict[str, StoreOptions] = {}
_SHORT_LEASE = StoreOptions(lease_ms=150, busy_s=0.6, reclaim_s=0.2)


def run_check(check: Check, open_store: OpenStore) -> None:
    """Run one check on a new store, in an event loop of its own."""

    async def run() -> None:
        opened = open_store(_OPTIONS.get(check.__name__, StoreOptions()))
        store = await opened if inspect.isawaitable(opened) else opened
        try:
            await check(store)
        finally:
            await store.close()

    asyncio.run(run())


def _check(options: StoreOptions = StoreOptions()) -> Callable[[Check], Check]:  # noqa: B008 - frozen
    def register(check: Check) -> Check:
        CHECKS.append(check)
        _OPTIONS[check.__name__] = options
        return check

    return register


def message(sender: str, number: int | str, text: str = "hello", channel: str = "rest") -> StoredMessage:
    """A message for checks."""
    return StoredMessage(channel, sender, f"m{number}", {"text": text, "metadata": {"language": "zh"}})


def said(text: str) -> Json:
    """A user event for checks."""
    return {"event": "user", "timestamp": 1.5, "text": text, "parse_data": {"intent": {"name": "greet"}}}


async def begun(store: TrackerStore, sender: str) -> Turn:
    """A turn that must be there."""
    turn = await store.begin_turn(sender)
    assert turn is not None, f"no turn for {sender!r}, although a message waits and nobody serves it"
    return turn


async def served(store: TrackerStore, sender: str, number: int, *, snapshot: Json | None = None) -> None:
    """Accept and commit one message with two events."""
    await store.accept(message(sender, number))
    turn = await begun(store, sender)
    await turn.commit([said(f"u{number}"), {"event": "bot", "timestamp": 2.0, "text": f"b{number}"}],
                      [{"text": f"b{number}"}], snapshot)  # fmt: skip


async def conversation(store: TrackerStore, sender: str, *, full: bool = True) -> Conversation:
    """A conversation that must be there."""
    found = await store.load(sender, full=full)
    assert found is not None, f"the conversation of {sender!r} is gone"
    return found


async def claimed(store: TrackerStore, consumer: str = "c", wait_s: float = 2.0) -> Outgoing:
    """One outbox entry that must come."""
    entries = await store.outbox.claim(consumer, 1, wait_s)
    assert entries, "the outbox gave nothing"
    return entries[0]


async def raises(kind: type[StoreError], call: Awaitable[object]) -> None:
    """The call must fail with this error."""
    try:
        await call
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} was raised")


# --- accept ---------------------------------------------------------------------------------------


@_check()
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


@_check()
async def channels_and_senders_do_not_share_ids(store: TrackerStore) -> None:
    for sender, channel in (("a", "rest"), ("a", "web"), ("b", "rest")):
        assert (await store.accept(message(sender, 1, channel=channel))).state == "new"


@_check()
async def an_inbox_is_bounded(store: TrackerStore) -> None:
    for number in range(20):
        assert (await store.accept(message("a", number))).waiting == number + 1
    await raises(Overloaded, store.accept(message("a", 20)))
    assert (await store.accept(message("a", 19))).state == "pending"
    assert (await store.accept(message("b", 20))).state == "new"
    await (await begun(store, "a")).commit([], [])
    assert (await store.accept(message("a", 20))).state == "new"


@_check(StoreOptions(dedupe_s=0.05))
async def replies_are_forgotten_in_time(store: TrackerStore) -> None:
    await served(store, "a", 1)
    await asyncio.sleep(0.12)
    assert (await store.accept(message("a", 1))).state == "new"


@_check()
async def bad_ids_are_refused(store: TrackerStore) -> None:
    for bad in (StoredMessage("rest", "", "1", {}), StoredMessage("rest", "a\0b", "1", {}),
                StoredMessage("rest", "a", "", {}), StoredMessage("rest", "x" * 256, "1", {}),
                StoredMessage("rest", "a", "1", {"number": float("nan")})):  # fmt: skip
        await raises(StoreError, store.accept(bad))
    assert await store.begin_turn("a") is None


@_check()
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


@_check()
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


@_check()
async def many_tasks_never_overlap(store: TrackerStore) -> None:
    inside, order = 0, []

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


@_check()
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


@_check(_SHORT_LEASE)
async def a_lost_lease_writes_nothing(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    stale = await begun(store, "a")
    await asyncio.sleep(0.2)
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


@_check(_SHORT_LEASE)
async def an_extended_lease_holds(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    for _ in range(3):
        await asyncio.sleep(0.08)
        await turn.extend()
    assert await store.begin_turn("a") is None
    await turn.commit([said("1")], [])


@_check()
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


@_check()
async def a_bad_turn_is_refused_whole(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    await raises(StoreError, turn.commit([said("1"), {"event": "slot", "value": {1, 2}}], []))
    await raises(StoreError, turn.commit([said("1")], [{"value": float("inf")}]))
    assert await store.load("a") is None
    await turn.commit([said("2")], [])
    assert (await conversation(store, "a")).length == 1


@_check()
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


@_check()
async def waiting_ends_with_the_replies(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    waiters = [asyncio.create_task(store.wait_for_replies("rest", "a", "m1", 5.0)) for _ in range(3)]
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    await (await begun(store, "a")).commit([], [{"text": "hi"}])
    assert await asyncio.gather(*waiters) == [[{"text": "hi"}]] * 3
    assert time.perf_counter() - start < 1.0


@_check()
async def waiting_ends_in_time(store: TrackerStore) -> None:
    start = time.perf_counter()
    assert await store.wait_for_replies("rest", "a", "m1", 0.1) is None
    await store.wait_for_turn("a", 0.1)
    assert time.perf_counter() - start < 1.5


@_check(_SHORT_LEASE)
async def waiting_for_a_turn_ends_with_the_lease(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    await begun(store, "a")
    deadline = time.perf_counter() + 2.0
    while await store.begin_turn("a") is None:
        assert time.perf_counter() < deadline
        await store.wait_for_turn("a", 5.0)


# --- conversations --------------------------------------------------------------------------------


@_check()
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


@_check()
async def an_unknown_sender_has_no_conversation(store: TrackerStore) -> None:
    assert await store.load("nobody") is None
    assert await store.load("nobody", full=True) is None
    await store.accept(message("a", 1))
    assert await store.load("a") is None
    assert (await begun(store, "a")).conversation == Conversation([], 0, None, 0)


@_check()
async def append_and_replace_write_between_turns(store: TrackerStore) -> None:
    assert await store.append("a", [said("1"), said("2")]) == 2
    assert await store.append("a", [said("3")], at=2) == 3
    await raises(LeaseLost, store.append("a", [said("4")], at=2))
    await served(store, "a", 1, snapshot={"n": 5})
    await store.replace("a", [said("9")])
    found = await conversation(store, "a", full=False)
    assert (found.snapshot, found.first_index, found.length) == (None, 0, 1)
    assert [event["text"] for event in found.events] == ["9"]


@_check(_SHORT_LEASE)
async def append_waits_for_the_turn(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    turn = await begun(store, "a")
    writing = asyncio.create_task(store.append("a", [said("after")]))
    await asyncio.sleep(0.03)
    await turn.commit([said("before")], [])
    assert await writing == 2
    assert [event["text"] for event in (await conversation(store, "a")).events] == ["before", "after"]


@_check(StoreOptions(lease_ms=5000, busy_s=0.1))
async def append_gives_up_in_time(store: TrackerStore) -> None:
    await store.accept(message("a", 1))
    await begun(store, "a")
    await raises(Overloaded, store.append("a", [said("x")]))
    assert await store.load("a") is None


@_check()
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


@_check()
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


@_check(_SHORT_LEASE)
async def stalled_senders_are_found(store: TrackerStore) -> None:
    for sender in ("old", "new", "served"):
        await store.accept(message(sender, 1))
        await asyncio.sleep(0.005)
    turn = await begun(store, "served")
    assert await store.stalled() == ["old", "new"]
    await turn.commit([], [])
    await begun(store, "old")
    assert await store.stalled() == ["new"]
    await asyncio.sleep(0.2)
    assert await store.stalled() == ["old", "new"]


@_check(StoreOptions(record_exp_s=0.15))
async def records_expire_after_their_last_turn(store: TrackerStore) -> None:
    await served(store, "a", 1)
    await asyncio.sleep(0.08)
    await served(store, "a", 2)
    await asyncio.sleep(0.1)
    assert (await conversation(store, "a")).length == 4
    await asyncio.sleep(0.2)
    assert await store.load("a") is None
    assert (await store.senders())[0] == []
    assert (await store.accept(message("a", 1))).state == "done"


# --- outbox ---------------------------------------------------------------------------------------


@_check()
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


@_check()
async def a_failed_delivery_is_retried_later(store: TrackerStore) -> None:
    await store.outbox.push("a", {"n": 1})
    await store.outbox.push("a", {"n": 2})
    entry = await claimed(store)
    await store.outbox.retry(entry, 0.15)
    assert await store.outbox.claim("c") == []
    again = await claimed(store, "c", 3.0)
    assert (again.entry_id, again.attempt, again.body) == (entry.entry_id, 2, {"n": 1})
    await store.outbox.bury(again, "blocked by the recipient")
    buried = await store.outbox.buried()
    assert [(b.sender_id, b.body) for b in buried] == [
        ("a", {"reason": "blocked by the recipient", "body": {"n": 1}})
    ]
    assert (await claimed(store)).body == {"n": 2}


@_check(_SHORT_LEASE)
async def entries_of_a_silent_consumer_are_handed_out_again(store: TrackerStore) -> None:
    await store.outbox.push("a", {"n": 1})
    await claimed(store, "dies")
    await asyncio.sleep(0.25)
    assert (await claimed(store, "lives")).attempt == 2


@_check()
async def claiming_waits_for_work(store: TrackerStore) -> None:
    waiting = asyncio.create_task(store.outbox.claim("c", 1, 5.0))
    await asyncio.sleep(0.05)
    start = time.perf_counter()
    await store.accept(message("a", 1))
    await (await begun(store, "a")).commit([], [], None, Deferred([{"n": 1}]))
    assert [entry.body for entry in await waiting] == [{"n": 1}]
    assert time.perf_counter() - start < 1.5


# --- reminders ------------------------------------------------------------------------------------


@_check()
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


@_check()
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


@_check()
async def a_turn_schedules_and_cancels(store: TrackerStore) -> None:
    await store.reminders.schedule("a", {"name": "old"}, 10.0)
    await store.accept(message("a", 1))
    deferred = Deferred((), [Reminder("a", "new", {"intent": "x"}, 5.0)], ["old"])
    await (await begun(store, "a")).commit([], [], None, deferred)
    assert [(r.name, r.due, r.body) for r in await store.reminders.due(6.0)] == [
        ("new", 5.0, {"intent": "x"})
    ]
    assert [r.name for r in await store.reminders.pending("a")] == ["new"]
