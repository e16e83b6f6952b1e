"""What the databases of documents must do, and what the store makes of it when writers meet or fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shoptalk.errors import LeaseLost, Overloaded
from shoptalk.stores.base import StoredMessage, StoreOptions
from shoptalk.stores.documents import DocumentTrackerStore
from shoptalk.stores.documents_records import Documents, Item

Open = Callable[[], Documents]


@pytest.fixture(params=["mongo_documents", "dynamo_documents"])
def documents(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.getfixturevalue(request.param)
    return opened


def run(check: Callable[[Documents], Awaitable[None]], documents: Open) -> None:
    async def checked() -> None:
        opened = documents()
        await check(opened)
        await opened.close()

    asyncio.run(checked())


def message(number: int) -> StoredMessage:
    return StoredMessage("rest", "a", f"m{number}", {"text": "hello"})


def said(text: str) -> dict[str, object]:
    return {"event": "user", "timestamp": 1.5, "text": text}


def test_a_document_is_written_where_its_writer_thinks_it_is(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        assert await opened.get("a", "state") is None
        assert not await opened.put(Item("a", "state", "{}", 5), 4), "there was none of version 4"
        assert await opened.put(Item("a", "state", "{}", 5), 0)
        assert not await opened.put(Item("a", "state", "{}", 6), 0), "there was one"
        assert not await opened.put(Item("a", "state", "{}", 6), 4)
        assert await opened.put(Item("a", "state", '{"n":1}', 7), 5)
        assert await opened.put(Item("b", "state", "{}", 1), None)
        assert not await opened.put(Item("a", "state", "{}", 6), None), "a newer one was there"
        assert await opened.put(Item("a", "state", '{"n":2}', 7), None)
        assert await opened.get("a", "state") == Item("a", "state", '{"n":2}', 7)

    run(check, documents)


def test_documents_of_a_sender_are_read_in_order_and_deleted(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        for name, version in (("e/3", 3), ("e/1", 1), ("e/2", 2), ("r/1", 1), ("state", 9)):
            assert await opened.put(Item("用户", name, f'"{name}"', version, expires_s=2**31), 0)
        assert await opened.put(Item("b", "e/1", "0", 1), 0)
        assert await opened.between("用户", "e/1", "e/2") == ['"e/1"', '"e/2"']
        assert await opened.between("用户", "e/0", "r/~") == ['"e/1"', '"e/2"', '"e/3"', '"r/1"']
        assert await opened.delete("用户", "e/", "r/~", 2) == 3
        assert await opened.between("用户", "a", "~") == ['"e/3"', '"state"']
        assert await opened.between("b", "e/", "r/~") == ["0"]

    run(check, documents)


def test_senders_are_found_by_ranks(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        for sender, at in (("a", 30), ("b", 10), ("用户", 20)):
            ranks = {"work": at, "dead": -at, "talk": sender}
            assert await opened.put(Item(sender, "state", "{}", 1, ranks), 0)
        assert await opened.put(Item("c", "state", "{}", 1), 0)
        assert await opened.ranked("work", 20, 10) == ["b", "用户"]
        assert await opened.ranked("work", 2**45, 2) == ["b", "用户"]
        assert await opened.ranked("dead", 0, 10) == ["a", "用户", "b"]
        assert await opened.ranked("talk", "", 2) == ["a", "b"]
        assert await opened.ranked("talk", "b", 2) == ["用户"]
        assert await opened.ranked("due", 2**45, 10) == []
        assert await opened.put(Item("b", "state", "{}", 2, {"talk": "b"}), 1)
        assert await opened.ranked("work", 20, 10) == ["用户"]

    run(check, documents)


def test_workers_that_share_nothing_but_the_database_serve_in_turn(documents: Open) -> None:
    """R1, small: every message once, in the order it was accepted, no two turns at a time."""

    async def check(opened: Documents) -> None:
        stores = [DocumentTrackerStore(opened), *(DocumentTrackerStore(documents()) for _ in range(2))]
        inside, order = 0, list[str]()

        async def worker(store: DocumentTrackerStore) -> None:
            nonlocal inside
            while len(order) < 12:
                turn = await store.begin_turn("a")
                if turn is None:
                    await store.wait_for_turn("a", 0.1)
                    continue
                inside += 1
                assert inside == 1, "two turns at a time"
                await asyncio.sleep(0.001)
                order.append(turn.message.message_id)
                inside -= 1
                await turn.commit([said(turn.message.message_id)], [{"text": "hi"}])

        async def sender(store: DocumentTrackerStore, first: int) -> None:
            for number in range(first, 12, 3):
                await store.accept(message(number))

        senders = (sender(store, first) for first, store in enumerate(stores))
        await asyncio.gather(*senders, *map(worker, stores))
        found = await stores[0].load("a", full=True)
        assert found is not None
        assert [event["text"] for event in found.events] == order
        assert sorted(order) == sorted(f"m{number}" for number in range(12))
        for number in range(12):
            assert (await stores[1].accept(message(number))).state == "done"
        for store in stores[1:]:
            await store.close()

    run(check, documents)


class Spoiled:
    """Documents whose next writes of records go wrong in a chosen way."""

    def __init__(self, inner: Documents) -> None:
        self.inner = inner
        self.before: Callable[[Item], Awaitable[None]] | None = None
        self.loses_answers = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def put(self, item: Item, after: int | None) -> bool:
        if self.before is not None:
            before, self.before = self.before, None
            await before(item)
        written = await self.inner.put(item, after)
        if written and item.name == "state" and self.loses_answers:
            self.loses_answers -= 1
            return False  # the client asked again and was told that another had been quicker: itself
        return written


def test_a_lost_answer_does_not_count_as_another_writer(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        spoiled = Spoiled(opened)
        store = DocumentTrackerStore(spoiled)
        spoiled.loses_answers = 1
        assert (await store.accept(message(1))).state == "new"
        spoiled.loses_answers = 1
        turn = await store.begin_turn("a")
        assert turn is not None
        spoiled.loses_answers = 1
        await turn.commit([said("1")], [{"text": "hi"}])
        found = await store.load("a")
        assert found is not None
        assert found.length == 1

    run(check, documents)


def test_a_turn_that_loses_its_lease_while_it_writes_is_not_seen(documents: Open) -> None:
    """The second worker takes over after the first has looked at its lease and before it writes."""

    async def check(opened: Documents) -> None:
        spoiled, options = Spoiled(opened), StoreOptions(lease_ms=1000)
        slow, quick = DocumentTrackerStore(spoiled, options), DocumentTrackerStore(opened, options)

        async def take_over(_: Item) -> None:
            await asyncio.sleep(1.1)
            turn = await quick.begin_turn("a")
            assert turn is not None
            await quick.renew("a", turn.fence, 5_000)
            taken.append(turn)

        await slow.accept(message(1))
        stale, taken = await slow.begin_turn("a"), []
        assert stale is not None
        spoiled.before = take_over
        with pytest.raises(LeaseLost):
            await stale.commit([said("late")], [{"text": "late"}], {"late": True})
        assert await quick.load("a") is None
        assert await quick.wait_for_replies("rest", "a", "m1", 0) is None
        await taken[0].commit([said("in time")], [{"text": "in time"}])
        found = await slow.load("a", full=True)
        assert found is not None
        assert [event["text"] for event in found.events] == ["in time"]
        assert (await slow.accept(message(1))).replies == [{"text": "in time"}]

    run(check, documents)


def test_nothing_is_left_of_a_turn_whose_sender_is_forgotten_while_it_writes(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        spoiled = Spoiled(opened)
        store = DocumentTrackerStore(spoiled)

        async def forget(_: Item) -> None:
            await DocumentTrackerStore(opened).forget("a")

        await store.accept(message(1))
        turn = await store.begin_turn("a")
        assert turn is not None
        spoiled.before = forget
        with pytest.raises(LeaseLost):
            await turn.commit([said("secret")], [{"text": "secret"}])
        assert await opened.between("a", "a", "~") == []
        assert (await store.accept(message(1))).state == "new"

    run(check, documents)


def test_long_conversations_go_into_several_documents(documents: Open) -> None:
    async def check(opened: Documents) -> None:
        store = DocumentTrackerStore(opened)
        events = [said(str(number) * 30_000) for number in range(8)]
        assert await store.append("a", events) == 8
        await store.accept(message(1))
        turn = await store.begin_turn("a")
        assert turn is not None
        assert turn.conversation.events == events
        await turn.commit(events, [], {"at": 16})
        assert len(await opened.between("a", "e/", "e/~")) == 4
        tail, full = await store.load("a"), await store.load("a", full=True)
        assert tail is not None
        assert full is not None
        assert (tail.events, tail.first_index, tail.snapshot) == ([], 16, {"at": 16})
        assert full.events == [*events, *events]
        with pytest.raises(Overloaded, match="Too much waits"):
            await store.outbox.push("a", {"text": "x" * 400_000})

    run(check, documents)
