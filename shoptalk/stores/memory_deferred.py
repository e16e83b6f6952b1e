"""Outbox and reminders in this process's memory."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoptalk.stores.base import Json, Outgoing, Reminder, StoreOptions
from shoptalk.stores.codec import check_id, copy

_LOOK_S = 0.05
_BURIED = 1000


@dataclass(slots=True)
class _Entry:
    outgoing: Outgoing
    free_at: float = 0.0
    tries: int = 0


class MemoryOutbox:
    """Outbound messages, a queue per sender; see `base.Outbox`."""

    def __init__(self, options: StoreOptions, clock: Callable[[], float]) -> None:
        self._options, self._clock = options, clock
        self._queues: dict[str, list[_Entry]] = {}
        self._buried: list[Outgoing] = []
        self._count = 0
        self._added = asyncio.Event()

    async def push(self, sender_id: str, body: Mapping[str, Any]) -> str:
        return self.add(check_id("sender_id", sender_id), copy(body))

    def add(self, sender_id: str, body: Json) -> str:
        """`push` for a caller that must not wait in between."""
        self._count += 1
        entry = Outgoing(str(self._count), sender_id, body)
        self._queues.setdefault(sender_id, []).append(_Entry(entry))
        self._tell()
        return entry.entry_id

    @property
    def waiting(self) -> int:
        """Entries not sent yet."""
        return sum(map(len, self._queues.values()))

    async def claim(self, consumer: str, limit: int = 10, wait_s: float = 0.0) -> list[Outgoing]:
        found = self._claim(limit)
        if found or wait_s <= 0:
            return found
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not found:
                    added = self._added
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(added.wait(), _LOOK_S)  # retries come due by themselves
                    found = self._claim(limit)
        return found

    async def done(self, entry: Outgoing) -> None:
        self._remove(entry)

    async def retry(self, entry: Outgoing, delay_s: float) -> None:
        for waiting in self._queues.get(entry.sender_id, ()):
            if waiting.outgoing.entry_id == entry.entry_id:
                waiting.free_at = self._clock() + delay_s

    async def bury(self, entry: Outgoing, reason: str) -> None:
        if self._remove(entry):
            self._buried.insert(
                0, replace(entry, body={"reason": reason or "given up", "body": copy(entry.body)})
            )
            del self._buried[_BURIED:]

    async def buried(self, limit: int = 100) -> list[Outgoing]:
        return self._buried[:limit]

    def forget(self, sender_id: str) -> None:
        """Drop everything of a sender."""
        self._queues.pop(sender_id, None)
        self._buried = [entry for entry in self._buried if entry.sender_id != sender_id]

    def _claim(self, limit: int) -> list[Outgoing]:
        now, found = self._clock(), list[Outgoing]()
        for queue in self._queues.values():
            head = queue[0]
            if head.free_at <= now and len(found) < limit:
                head.tries += 1
                head.free_at = now + self._options.reclaim_s
                found.append(replace(head.outgoing, body=copy(head.outgoing.body), attempt=head.tries))
        return found

    def _remove(self, entry: Outgoing) -> bool:
        queue = self._queues.get(entry.sender_id, [])
        left = [waiting for waiting in queue if waiting.outgoing.entry_id != entry.entry_id]
        if left:
            self._queues[entry.sender_id] = left
            self._tell()
        else:
            self._queues.pop(entry.sender_id, None)
        return len(left) < len(queue)

    def _tell(self) -> None:
        self._added.set()
        self._added = asyncio.Event()


class MemoryReminders:
    """Reminders in a dict; see `base.Reminders`."""

    def __init__(self, options: StoreOptions) -> None:
        self._options = options
        self._waiting: dict[tuple[str, str], Reminder] = {}
        self._claimed: dict[tuple[str, str], float] = {}

    async def schedule(self, sender_id: str, reminder: Mapping[str, Any], due: float) -> Reminder:
        name = check_id("reminder name", str(reminder.get("name") or uuid.uuid4().hex))
        return self.put(
            Reminder(check_id("sender_id", sender_id), name, copy({**reminder, "name": name}), due)
        )

    def put(self, reminder: Reminder) -> Reminder:
        """Keep one, to the millisecond, in place of an earlier one of its name."""
        kept = replace(reminder, due=max(0, round(reminder.due * 1000)) / 1000)
        self._waiting[(kept.sender_id, kept.name)] = kept
        self._claimed.pop((kept.sender_id, kept.name), None)
        return kept

    async def cancel(self, sender_id: str, names: Sequence[str] | None = None) -> int:
        return self.drop(sender_id, [r.name for r in self._of(sender_id)] if names is None else names)

    def drop(self, sender_id: str, names: Sequence[str]) -> int:
        """Cancel these; returns how many there were."""
        for name in names:
            self._claimed.pop((sender_id, name), None)
        return sum(self._waiting.pop((sender_id, name), None) is not None for name in names)

    @property
    def waiting(self) -> int:
        """Reminders not gone off yet."""
        return len(self._waiting)

    async def pending(self, sender_id: str) -> list[Reminder]:
        return sorted(self._of(sender_id), key=lambda reminder: (reminder.due, reminder.name))

    async def due(self, now: float, limit: int = 100) -> list[Reminder]:
        ready = [r for key, r in self._waiting.items() if self._claimed.get(key, r.due) <= now]
        found = sorted(ready, key=lambda reminder: (reminder.due, reminder.name))[:limit]
        for reminder in found:
            self._claimed[(reminder.sender_id, reminder.name)] = now + self._options.reclaim_s
        return found

    async def done(self, reminder: Reminder) -> None:
        key = (reminder.sender_id, reminder.name)
        if key in self._waiting and self._waiting[key].due == reminder.due:
            del self._waiting[key]
            self._claimed.pop(key, None)

    def _of(self, sender_id: str) -> list[Reminder]:
        return [reminder for (sender, _), reminder in self._waiting.items() if sender == sender_id]
