"""R3 and R4: Valkey stopped, slow, cut off, full, read-only; workers paused beyond their lease."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from faultkit.proxy import Proxy

from shoptalk.errors import LeaseLost, Unavailable
from shoptalk.stores.base import StoredMessage, StoreOptions
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore

LIMIT_S = 2.0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "valkey", port=0, settings=["--maxmemory", "0"]) as server:
        yield server


def message(number: int, size: int = 10) -> StoredMessage:
    return StoredMessage("rest", "a", f"m{number}", {"text": "x" * size})


async def timed(call: Awaitable[object]) -> tuple[BaseException | None, float]:
    start = time.monotonic()
    try:
        await call
    except Unavailable as error:
        return error, time.monotonic() - start
    return None, time.monotonic() - start


async def every_operation_is_unavailable(
    store: RedisTrackerStore, turn, *, writes_only: bool = False
) -> float:
    """Every operation fails with `Unavailable` within 2 s; gives the slowest. The event loop goes on."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "accept": lambda: store.accept(message(99)),
        "commit": lambda: turn.commit([{"event": "user"}], [{"text": "late"}]),
        "append": lambda: store.append("b", [{"event": "user"}]),
        "schedule": lambda: store.reminders.schedule("a", {"name": "r"}, 1.0),
        "push": lambda: store.outbox.push("a", {}),
    }
    if not writes_only:
        calls |= {
            "ping": store.ping,
            "begin_turn": lambda: store.begin_turn("a"),
            "load": lambda: store.load("a"),
            "wait_for_replies": lambda: store.wait_for_replies("rest", "a", "m99", 30.0),
            "forget": lambda: store.forget("b"),
        }
    widest, stop = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal widest
        while not stop.is_set():
            start = time.monotonic()
            await asyncio.sleep(0.01)
            widest = max(widest, time.monotonic() - start)

    ticking = asyncio.create_task(tick())
    answers = dict(zip(calls, await asyncio.gather(*(timed(call()) for call in calls.values())), strict=True))
    stop.set()
    await ticking
    told = {name: (type(error).__name__, round(took, 2)) for name, (error, took) in answers.items()}
    assert all(error is not None and took < LIMIT_S for error, took in answers.values()), told
    assert widest < 0.25, f"the event loop stood still for {widest:.2f} s"
    return max(took for _, took in answers.values())


async def with_a_turn(store: RedisTrackerStore):
    await store.accept(message(1))
    turn = await store.begin_turn("a")
    assert turn is not None
    return turn


async def resumes(store: RedisTrackerStore, turn) -> None:
    """The turn that was cut off is committed after all, once, and the next one is served."""
    await turn.commit([{"event": "user", "n": 1}], [{"text": "1"}])
    found = await store.load("a", full=True)
    assert found is not None
    assert found.length == 1
    assert (await store.accept(message(1))).replies == [{"text": "1"}]
    await store.accept(message(2))
    following = await store.begin_turn("a")
    assert following is not None
    await following.commit([], [])


def test_stopped_server(valkey: EmbeddedValkey) -> None:
    """`SIGSTOP`: the server is there, takes connections and says nothing."""

    async def run() -> float:
        store = RedisTrackerStore(valkey.address)
        turn = await with_a_turn(store)
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            slowest = await every_operation_is_unavailable(store, turn)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await resumes(store, turn)
        await store.close()
        return slowest

    print(f"\nR3 stopped: slowest Unavailable {asyncio.run(run()):.2f} s")


@pytest.mark.parametrize("mode", ["swallow", "reset", "refuse"])
def test_bad_network(valkey: EmbeddedValkey, mode: str) -> None:
    """Answers vanish, connections are cut, nobody listens; afterwards the same store goes on."""

    async def run() -> float:
        async with Proxy("127.0.0.1", valkey.address.port) as proxy:
            store = RedisTrackerStore(dataclasses.replace(valkey.address, port=proxy.port))
            turn = await with_a_turn(store)
            await proxy.switch(mode)
            slowest = await every_operation_is_unavailable(store, turn)
            await proxy.switch("pass")
            # With "swallow" the server did get the commit: the repeat must not write it twice.
            if mode == "swallow":
                await turn.commit([{"event": "user"}], [{"text": "late"}])
                found = await store.load("a", full=True)
                assert found is not None
                assert found.length == 1
            else:
                await resumes(store, turn)
            await store.close()
            return slowest

    print(f"\nR3 {mode}: slowest Unavailable {asyncio.run(run()):.2f} s")


def test_slow_network(valkey: EmbeddedValkey) -> None:
    """200 ms each way: everything works, only later."""

    async def run() -> float:
        async with Proxy("127.0.0.1", valkey.address.port) as proxy:
            store = RedisTrackerStore(dataclasses.replace(valkey.address, port=proxy.port))
            await store.ping()
            await proxy.switch("slow")
            start = time.monotonic()
            await resumes(store, await with_a_turn(store))
            took = time.monotonic() - start
            await store.close()
            return took

    print(f"\nR3 slow: two turns in {asyncio.run(run()):.2f} s")


def test_full_server(valkey: EmbeddedValkey) -> None:
    """`maxmemory` reached: writes are refused whole, reading works, nothing is evicted."""

    async def run() -> float:
        store = RedisTrackerStore(valkey.address)
        turn = await with_a_turn(store)
        await store.append("old", [{"event": "user", "text": "kept"}])
        await store.link.command("CONFIG", "SET", "maxmemory", "1mb")
        slowest = await every_operation_is_unavailable(store, turn, writes_only=True)
        assert await store.load("a") is None
        old = await store.load("old")
        assert old is not None
        assert old.events[0]["text"] == "kept"
        await store.link.command("CONFIG", "SET", "maxmemory", "0")
        await resumes(store, turn)
        await store.close()
        return slowest

    print(f"\nR3 full: slowest Unavailable {asyncio.run(run()):.2f} s")


def test_read_only_server(valkey: EmbeddedValkey) -> None:
    """The server became a replica (a failover this client did not notice)."""

    async def run() -> float:
        store = RedisTrackerStore(valkey.address)
        turn = await with_a_turn(store)
        await store.link.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        await store.link.command("REPLICAOF", "127.0.0.1", "1")
        slowest = await every_operation_is_unavailable(store, turn, writes_only=True)
        await store.link.command("REPLICAOF", "NO", "ONE")
        await resumes(store, turn)
        await store.close()
        return slowest

    print(f"\nR3 read-only: slowest Unavailable {asyncio.run(run()):.2f} s")


def test_restarted_server(valkey: EmbeddedValkey) -> None:
    """Pooled connections of a server that was restarted do not fail the next request."""

    async def run() -> None:
        store = RedisTrackerStore(valkey.address)
        turn = await with_a_turn(store)
        await asyncio.to_thread(valkey.stop)
        await asyncio.to_thread(valkey.start)
        await resumes(store, turn)
        await store.close()

    asyncio.run(run())


def test_r4_paused_workers_write_nothing(valkey: EmbeddedValkey) -> None:
    """100 workers pause beyond their lease while another one serves the turn: 100 times `LeaseLost`."""

    async def run() -> int:
        store = RedisTrackerStore(valkey.address, None, StoreOptions(lease_ms=60))
        refused = 0
        for number in range(100):
            sender = f"paused-{number}"
            await store.accept(StoredMessage("rest", sender, "m", {}))
        stale = [await store.begin_turn(f"paused-{number}") for number in range(100)]
        await asyncio.sleep(0.1)
        for number, turn in enumerate(stale):
            if number % 2:  # half of them were taken over, half simply expired
                other = await store.begin_turn(f"paused-{number}")
                await other.commit([{"event": "right"}], [{"text": "right"}])
            try:
                await turn.commit([{"event": "stale"}], [{"text": "stale"}])
            except LeaseLost:
                refused += 1
        for number in range(100):
            sender = f"paused-{number}"
            if number % 2 == 0:
                other = await store.begin_turn(sender)
                await other.commit([{"event": "right"}], [{"text": "right"}])
            found = await store.load(sender, full=True)
            assert [event["event"] for event in found.events] == ["right"]
            assert (await store.accept(StoredMessage("rest", sender, "m", {}))).replies == [{"text": "right"}]
        await store.close()
        return refused

    refused = asyncio.run(run())
    print(f"\nR4: {refused} of 100 stale commits refused")
    assert refused == 100


@pytest.mark.parametrize("step_ms", [3_600_000, -3_600_000])
def test_r4_stepped_clock(valkey: EmbeddedValkey, step_ms: int) -> None:
    """The server's clock jumps by an hour during a turn: the turn is refused, and the next may begin at once.

    A jump of the clock by +h is the same to the store as a lease that ended h earlier.
    """

    async def run() -> None:
        store = RedisTrackerStore(valkey.address)
        turn = await with_a_turn(store)
        until = int(await store.link.command("HGET", store.keys.own("a", "meta"), "until"))
        await store.link.command("HSET", store.keys.own("a", "meta"), "until", until - step_ms)
        with pytest.raises(LeaseLost):
            await turn.commit([{"event": "stale"}], [])
        assert await store.stalled() == ["a"]
        await store.wait_for_turn("a", 5.0)
        again = await store.begin_turn("a")
        assert again is not None
        await again.commit([{"event": "right"}], [])
        await store.close()

    asyncio.run(run())
