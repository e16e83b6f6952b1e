"""What the conformance checks share: how one is written, run, and says what is wrong."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from shoptalk.errors import StoreError
from shoptalk.stores.base import (
    Conversation,
    Json,
    Outgoing,
    StoredMessage,
    StoreOptions,
    TrackerStore,
    Turn,
)

OpenStore: TypeAlias = Callable[[StoreOptions], TrackerStore | Awaitable[TrackerStore]]
Check: TypeAlias = Callable[[TrackerStore], Awaitable[None]]

CHECKS: list[Check] = []
_OPTIONS: dict[str, StoreOptions] = {}
SHORT_LEASE = StoreOptions(lease_ms=1500, reclaim_s=0.4)
LEASE_OVER_S = 1.6  # a little longer than the short lease


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


def contract(options: StoreOptions | None = None) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        CHECKS.append(check)
        if options is not None:
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
