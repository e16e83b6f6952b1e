"""Conversations in this process's memory: the shipped fake, with the semantics of the real stores.

One thing it does on its own, as Rasa's: what is written after a session began drops the sessions before it, so that
memory grows with the users, not with their visits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shoptalk.core.domain import ACTION_SESSION_START
from shoptalk.errors import LeaseLost, Overloaded
from shoptalk.stores.base import (
    Accepted,
    Conversation,
    Deferred,
    Json,
    Known,
    StoredMessage,
    StoreOptions,
)
from shoptalk.stores.codec import check_id, copies, copy, field_of
from shoptalk.stores.leased import LeasedTurn
from shoptalk.stores.memory_deferred import MemoryOutbox, MemoryReminders


@dataclass(slots=True)
class _Lease:
    fence: int
    until: float


@dataclass(slots=True)
class _Record:
    """Everything kept about one sender."""

    events: list[Json] = field(default_factory=list)
    dropped: int = 0
    snapshots: deque[tuple[int, Json]] = field(default_factory=lambda: deque(maxlen=2))
    inbox: OrderedDict[str, StoredMessage] = field(default_factory=OrderedDict)
    seen: OrderedDict[str, tuple[float, list[Json]]] = field(default_factory=OrderedDict)
    lease: _Lease | None = None
    head: str = ""
    attempt: int = 0
    committed: int = 0
    expires: float | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, events: Sequence[Json]) -> None:
        """Go on with the current session; the ones before it are dropped."""
        start = next((at for at in range(len(self.events) - 1, 0, -1) if _begins(self.events[at])), 0)
        del self.events[:start]
        self.dropped += start
        self.events += events

    @property
    def length(self) -> int:
        """Events there were, the dropped ones among them."""
        return self.dropped + len(self.events)

    def tell(self) -> None:
        """Wake everybody who waits for this sender."""
        self.changed.set()
        self.changed = asyncio.Event()


class MemoryTrackerStore:
    """Conversations in memory; see `base.TrackerStore` for the contract.

    Args:
        options: bounds and times.
        clock: gives epoch seconds; tests pass their own.
    """

    def __init__(self, options: StoreOptions | None = None, clock: Callable[[], float] = time.time) -> None:
        self.options = options or StoreOptions()
        self._clock = clock
        self._records: dict[str, _Record] = {}
        self._last_fence = 0
        self.outbox = MemoryOutbox(self.options, clock)
        self.reminders = MemoryReminders(self.options)

    async def accept(self, message: StoredMessage) -> Accepted:
        name, body = field_of(message), copy(message.body)
        record = self._record(message.sender_id)
        if name in record.seen:
            return Accepted("done", copies(record.seen[name][1]))
        if name in record.inbox:
            return Accepted("pending", None, len(record.inbox))
        if len(record.inbox) >= self.options.max_waiting:
            raise Overloaded(
                f"{len(record.inbox)} messages of this sender are waiting already.",
                hint="Send this one again a little later.",
            )
        record.inbox[name] = replace(message, body=body, accepted_at=self._clock())
        return Accepted("new", None, len(record.inbox))

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> LeasedTurn[int] | None:
        record = self._record(check_id("sender_id", sender_id))
        if not record.inbox or self._live(record) is not None:
            return None
        head, message = next(iter(record.inbox.items()))
        record.attempt = record.attempt + 1 if record.head == head else 1
        record.head = head
        self._last_fence += 1
        record.lease = _Lease(self._last_fence, self._lease_end())
        return LeasedTurn(self, self._last_fence, record.attempt, message, _tail(record, 0))

    async def renew(self, sender_id: str, fence: int, lease_ms: int) -> bool:
        """Renew a lease, or give it back with 0; False when it is over."""
        record = self._records.get(sender_id)
        lease = None if record is None else self._live(record)
        if record is None or lease is None or lease.fence != fence:
            return False
        if lease_ms:
            lease.until = self._clock() + lease_ms / 1000
        else:
            record.lease = None
            record.tell()
        return True

    async def commit(
        self,
        message: StoredMessage,
        fence: int,
        events: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None,
        deferred: Deferred,
    ) -> bool:
        """Write a turn if its lease is alive; see `LeasedTurn.commit`."""
        # Everything that can fail comes before the first change, so that a turn is written whole.
        added, said = copies(events), copies(replies)
        state = None if snapshot is None else copy(snapshot)
        outgoing = copies(deferred.outbox)
        reminders = [
            replace(r, sender_id=message.sender_id, name=check_id("reminder name", r.name), body=copy(r.body))
            for r in deferred.reminders
        ]
        record = self._record(message.sender_id)
        if record.committed == fence:
            return True
        lease = self._live(record)
        if lease is None or lease.fence != fence:
            return False
        record.committed = fence
        record.add(added)
        if state is not None:
            record.snapshots.appendleft((record.length, state))
        record.seen[field_of(message)] = (self._clock(), said)
        record.inbox.popitem(last=False)
        record.head = ""
        for body in outgoing:
            self.outbox.add(message.sender_id, body)
        self.reminders.drop(message.sender_id, deferred.cancelled)
        for reminder in reminders:
            self.reminders.put(reminder)
        self._written(record)
        return True

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        name = field_of(StoredMessage(channel, sender_id, message_id, {}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while name not in self._record(sender_id).seen:
                    await self._record(sender_id).changed.wait()
        found = self._record(sender_id).seen.get(name)
        return None if found is None else copies(found[1])

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        record = self._record(sender_id)
        lease = self._live(record)
        if record.inbox and lease is None:
            return
        left = timeout_s
        if record.inbox and lease is not None:
            left = min(left, lease.until - self._clock())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await record.changed.wait()

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        if check_id("sender_id", sender_id) not in self._records or not self._record(sender_id).events:
            return None
        record = self._record(sender_id)
        return (
            Conversation(copies(record.events), record.dropped, None, record.length)
            if full
            else _tail(record, int(earlier))
        )

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        added = copies(events)
        record = await self._between_turns(check_id("sender_id", sender_id))
        if at is not None and at != record.length:
            raise LeaseLost(
                f"The conversation has {record.length} events, not {at}; nothing was written.",
                hint="Read it anew.",
            )
        record.add(added)
        self._written(record)
        return record.length

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        added = copies(events)
        record = await self._between_turns(check_id("sender_id", sender_id))
        record.events, record.dropped, record.snapshots = added, 0, deque(maxlen=2)
        self._written(record)

    async def forget(self, sender_id: str) -> int:
        record = self._records.pop(check_id("sender_id", sender_id), None)
        self.outbox.forget(sender_id)
        await self.reminders.cancel(sender_id)
        if record is None:
            return 0
        record.tell()
        return len(record.events)

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        known = sorted(sender for sender in list(self._records) if self._record(sender).events)
        page = [sender for sender in known if sender > cursor][:limit]
        return page, page[-1] if page and page[-1] != known[-1] else ""

    async def stalled(self, limit: int = 100) -> list[str]:
        waiting = [
            (next(iter(record.inbox.values())).accepted_at, sender)
            for sender, record in self._records.items()
            if record.inbox and self._live(record) is None
        ]
        return [sender for _, sender in sorted(waiting)[:limit]]

    async def depths(self) -> dict[str, int]:
        """What waits, for metrics: senders with messages, outbox entries, reminders."""
        senders = sum(bool(record.inbox) for record in self._records.values())
        return {"senders": senders, "outbox": self.outbox.waiting, "reminders": self.reminders.waiting}

    async def ping(self) -> None:
        return None

    async def close(self) -> None:
        return None

    def _record(self, sender_id: str) -> _Record:
        record = self._records.setdefault(sender_id, _Record())
        now = self._clock()
        while record.seen and next(iter(record.seen.values()))[0] + self.options.dedupe_s <= now:
            record.seen.popitem(last=False)
        if record.expires is not None and record.expires <= now:
            record.events, record.dropped = [], 0
            record.snapshots, record.expires = deque(maxlen=2), None
        return record

    def _live(self, record: _Record) -> _Lease | None:
        lease = record.lease
        return lease if lease is not None and lease.until > self._clock() else None

    def _lease_end(self) -> float:
        return self._clock() + self.options.lease_ms / 1000

    def _written(self, record: _Record) -> None:
        record.lease = None
        if self.options.record_exp_s is not None:
            record.expires = self._clock() + self.options.record_exp_s
        record.tell()

    async def _between_turns(self, sender_id: str) -> _Record:
        deadline = self._clock() + self.options.busy_s
        while (lease := self._live(record := self._record(sender_id))) is not None:
            left = min(lease.until, deadline) - self._clock()
            if left <= 0:
                raise Overloaded(
                    f"Turns kept the conversation busy for {self.options.busy_s} s.",
                    hint="Try again a little later.",
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await record.changed.wait()
        return record


def _tail(record: _Record, which: int) -> Conversation:
    if which < len(record.snapshots) and record.snapshots[which][0] >= record.dropped:
        index, state = record.snapshots[which]
        return Conversation(
            copies(record.events[index - record.dropped :]), index, copy(state), record.length
        )
    return Conversation(copies(record.events), record.dropped, None, record.length)


def _begins(event: Json) -> bool:
    return event.get("event") == "action" and event.get("name") == ACTION_SESSION_START
