"""Outbox and reminders as parts of the senders' records."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.stores.base import Deferred, Json, Outgoing, Reminder, StoreOptions
from shoptalk.stores.codec import check_id, copy
from shoptalk.stores.documents_records import Documents, Records, State
from shoptalk.stores.wakeups import Wakeups

OUTBOX_TOPIC = "\0outbox"

_BURIED = 20
_LOOK_S = 0.5


def due_ms(due: float) -> int:
    """Epoch seconds as the milliseconds reminders are kept with."""
    return max(0, round(due * 1000))


def defer(state: State, deferred: Deferred) -> None:
    """Add what a turn leaves for later to its record; the bodies are JSON that nobody else holds."""
    state.outbox += [_entry(dict(body)) for body in deferred.outbox]
    for name in deferred.cancelled:
        state.reminders.pop(name, None)
    state.reminders |= {one.name: _kept(dict(one.body), one.due) for one in deferred.reminders}


class DocumentOutbox:
    """Outbound messages, in the record of their sender; the last 20 buried ones of each are kept.

    See `base.Outbox`.
    """

    def __init__(
        self, documents: Documents, records: Records, wakeups: Wakeups, options: StoreOptions
    ) -> None:
        self._documents, self._records = documents, records
        self._wakeups, self._options = wakeups, options

    async def push(self, sender_id: str, body: Mapping[str, Any]) -> str:
        entry = _entry(copy(body))

        async def edit(state: State, now: int) -> None:
            state.outbox.append(entry)

        await self._records.change(check_id("sender_id", sender_id), edit)
        self._wakeups.tell(OUTBOX_TOPIC)
        return str(entry["id"])

    async def claim(self, consumer: str, limit: int = 10, wait_s: float = 0.0) -> list[Outgoing]:
        deadline = time.monotonic() + wait_s
        while True:
            changed = self._wakeups.of(OUTBOX_TOPIC)
            ready = await self._documents.ranked("out", self._records.now_ms(), limit)
            found = [one for sender in ready if (one := await self._claim(sender)) is not None]
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            await self._wakeups.wait(changed, left, _LOOK_S)

    async def done(self, entry: Outgoing) -> None:
        await self._take(entry)

    async def retry(self, entry: Outgoing, delay_s: float) -> None:
        async def edit(state: State, now: int) -> None:
            for one in state.outbox:
                if one["id"] == entry.entry_id:
                    one["free"] = now + round(delay_s * 1000)

        await self._records.change(entry.sender_id, edit)

    async def bury(self, entry: Outgoing, reason: str) -> None:
        await self._take(entry, reason or "given up")

    async def buried(self, limit: int = 100) -> list[Outgoing]:
        found: list[tuple[int, Outgoing]] = []
        for sender in await self._documents.ranked("dead", 0, limit):
            state = await self._records.state(sender)
            for one in state.dead if state is not None else ():
                body = {"reason": one["reason"], "body": one["body"]}
                found.append((one["at"], Outgoing(one["id"], sender, body, one["attempt"])))
        return [entry for _, entry in sorted(found, key=lambda pair: -pair[0])[:limit]]

    async def _claim(self, sender: str) -> Outgoing | None:
        async def edit(state: State, now: int) -> Outgoing | None:
            head = state.outbox[0] if state.outbox else None
            if head is None or head["free"] > now:
                return None
            head["attempt"] += 1
            head["free"] = now + round(self._options.reclaim_s * 1000)
            return Outgoing(head["id"], sender, head["body"], head["attempt"])

        return await self._records.change(sender, edit)

    async def _take(self, entry: Outgoing, reason: str = "") -> None:
        async def edit(state: State, now: int) -> None:
            taken = [one for one in state.outbox if one["id"] == entry.entry_id]
            state.outbox = [one for one in state.outbox if one["id"] != entry.entry_id]
            if reason and taken:
                state.dead = [*state.dead, {**taken[0], "reason": reason, "at": now}][-_BURIED:]

        await self._records.change(entry.sender_id, edit)
        self._wakeups.tell(OUTBOX_TOPIC)


class DocumentReminders:
    """Reminders, in the record of their sender; see `base.Reminders`."""

    def __init__(self, documents: Documents, records: Records, options: StoreOptions) -> None:
        self._documents, self._records, self._options = documents, records, options

    async def schedule(self, sender_id: str, reminder: Mapping[str, Any], due: float) -> Reminder:
        name = check_id("reminder name", str(reminder.get("name") or uuid.uuid4().hex))
        kept = Reminder(
            check_id("sender_id", sender_id), name, copy({**reminder, "name": name}), due_ms(due) / 1000
        )

        async def edit(state: State, now: int) -> None:
            state.reminders[name] = _kept(dict(kept.body), due)

        await self._records.change(sender_id, edit)
        return kept

    async def cancel(self, sender_id: str, names: Sequence[str] | None = None) -> int:
        async def edit(state: State, now: int) -> int:
            gone = [name for name in state.reminders if names is None or name in names]
            for name in gone:
                del state.reminders[name]
            return len(gone)

        return await self._records.change(check_id("sender_id", sender_id), edit)

    async def pending(self, sender_id: str) -> list[Reminder]:
        state = await self._records.state(sender_id)
        return [] if state is None else _reminders(sender_id, state.reminders)

    async def due(self, now: float, limit: int = 100) -> list[Reminder]:
        found: list[Reminder] = []
        for sender in await self._documents.ranked("due", due_ms(now), limit):
            if len(found) >= limit:
                break
            found += await self._claim(sender, now, limit - len(found))
        return sorted(found, key=lambda reminder: (reminder.due, reminder.name))

    async def done(self, reminder: Reminder) -> None:
        async def edit(state: State, now: int) -> None:
            kept = state.reminders.get(reminder.name)
            if kept is not None and kept["due"] == due_ms(reminder.due):
                del state.reminders[reminder.name]

        await self._records.change(reminder.sender_id, edit)

    async def _claim(self, sender: str, now: float, limit: int) -> list[Reminder]:
        async def edit(state: State, _: int) -> list[Reminder]:
            ready = {name: one for name, one in state.reminders.items() if one["free"] <= due_ms(now)}
            chosen = _reminders(sender, ready)[:limit]
            for reminder in chosen:
                ready[reminder.name]["free"] = due_ms(now + self._options.reclaim_s)
            return chosen

        return await self._records.change(sender, edit)


def _entry(body: Json) -> Json:
    return {"id": uuid.uuid4().hex, "body": body, "attempt": 0, "free": 0}


def _kept(body: Json, due: float) -> Json:
    return {"due": due_ms(due), "free": due_ms(due), "body": body}


def _reminders(sender: str, kept: Mapping[str, Json]) -> list[Reminder]:
    found = [Reminder(sender, name, one["body"], one["due"] / 1000) for name, one in kept.items()]
    return sorted(found, key=lambda reminder: (reminder.due, reminder.name))
