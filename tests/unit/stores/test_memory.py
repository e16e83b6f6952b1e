"""What the store in memory does on its own: it keeps the sessions since the last write, as Rasa's does."""

from __future__ import annotations

import asyncio

from shoptalk.stores.base import Json, StoredMessage
from shoptalk.stores.memory import MemoryTrackerStore


def session(mark: int) -> list[Json]:
    return [
        {"event": "action", "name": "action_session_start", "timestamp": mark},
        {"event": "session_started", "timestamp": mark},
    ]


def said(mark: int) -> Json:
    return {"event": "user", "text": "hi", "timestamp": mark}


def test_what_follows_a_new_session_drops_the_one_before() -> None:
    async def play() -> None:
        store = MemoryTrackerStore()
        await store.append("s", [*session(1), said(1)])
        assert await store.append("s", session(2)) == 5
        kept = await store.load("s", full=True)
        assert kept is not None
        assert (len(kept.events), kept.first_index, kept.length) == (5, 0, 5)

        assert await store.append("s", [said(2)], at=5) == 6
        kept = await store.load("s", full=True)
        assert kept is not None
        assert kept.events == [*session(2), said(2)]
        assert (kept.first_index, kept.length) == (3, 6)
        assert await store.forget("s") == 3

    asyncio.run(play())


def test_a_snapshot_of_a_dropped_session_is_not_gone_on_from() -> None:
    async def turn(store: MemoryTrackerStore, events: list[Json], snapshot: Json | None, number: int) -> None:
        await store.accept(StoredMessage("rest", "s", str(number), {}))
        begun = await store.begin_turn("s")
        assert begun is not None
        await begun.commit(events, [], snapshot)

    async def play() -> None:
        store = MemoryTrackerStore()
        await turn(store, session(1), {"session": 1}, 1)
        await turn(store, [said(1), *session(2)], None, 2)
        before = await store.load("s")
        assert before is not None
        assert (before.snapshot, before.first_index) == ({"session": 1}, 2)

        await turn(store, [said(2)], None, 3)
        tail = await store.load("s")
        assert tail is not None
        assert (tail.snapshot, tail.events) == (None, [*session(2), said(2)])

        await turn(store, [said(3)], {"session": 2}, 4)
        await turn(store, [said(4)], None, 5)
        tail = await store.load("s")
        assert tail is not None
        assert (tail.snapshot, tail.events, tail.first_index) == (
            {"session": 2},
            [said(4)],
            7,
        )

    asyncio.run(play())
