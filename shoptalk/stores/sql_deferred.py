"""Outbox and reminders in SQL."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shoptalk.stores.base import Json, Outgoing, Reminder, StoreOptions
from shoptalk.stores.codec import check_id, dump_ascii, load
from shoptalk.stores.sql_link import SqlLink
from shoptalk.stores.sql_tables import outbox, reminders
from shoptalk.stores.wakeups import Wakeups

OUTBOX_TOPIC = "\0outbox"


class SqlOutbox:
    """Outbound messages in a table; see `base.Outbox`."""

    def __init__(self, link: SqlLink, wakeups: Wakeups, options: StoreOptions) -> None:
        self._link, self._wakeups, self._options = link, wakeups, options

    async def push(self, sender_id: str, body: Mapping[str, Any]) -> str:
        async with self._link.transaction() as connection:
            entry_id = await self.add(connection, check_id("sender_id", sender_id), body)
        self._wakeups.tell(OUTBOX_TOPIC)
        return entry_id

    async def add(self, connection: AsyncConnection, sender_id: str, body: Mapping[str, Any]) -> str:
        """`push` within a transaction."""
        added = insert(outbox).values(sender_id=sender_id, body=dump_ascii(body)).returning(outbox.c.id)
        return str((await connection.execute(added)).scalar_one())

    async def claim(self, consumer: str, limit: int = 10, wait_s: float = 0.0) -> list[Outgoing]:
        deadline = time.monotonic() + wait_s
        while True:
            changed = self._wakeups.of(OUTBOX_TOPIC)
            found = await self._claim(limit)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            await self._wakeups.wait(changed, left)

    async def done(self, entry: Outgoing) -> None:
        async with self._link.transaction() as connection:
            await connection.execute(delete(outbox).where(outbox.c.id == int(entry.entry_id)))
        self._wakeups.tell(OUTBOX_TOPIC)

    async def retry(self, entry: Outgoing, delay_s: float) -> None:
        async with self._link.transaction() as connection:
            free = await self._link.now_ms(connection) + round(delay_s * 1000)
            await connection.execute(
                update(outbox).where(outbox.c.id == int(entry.entry_id)).values(free_ms=free)
            )

    async def bury(self, entry: Outgoing, reason: str) -> None:
        async with self._link.transaction() as connection:
            chosen = outbox.c.id == int(entry.entry_id)
            await connection.execute(update(outbox).where(chosen).values(reason=reason or "given up"))
        self._wakeups.tell(OUTBOX_TOPIC)

    async def buried(self, limit: int = 100) -> list[Outgoing]:
        chosen = select(outbox).where(outbox.c.reason.is_not(None)).order_by(outbox.c.id.desc()).limit(limit)
        async with self._link.transaction() as connection:
            rows = (await connection.execute(chosen)).all()
        return [
            Outgoing(str(row.id), row.sender_id, {"reason": row.reason, "body": load(row.body)}, row.attempt)
            for row in rows
        ]

    async def _claim(self, limit: int) -> list[Outgoing]:
        heads = select(func.min(outbox.c.id)).where(outbox.c.reason.is_(None)).group_by(outbox.c.sender_id)
        async with self._link.transaction() as connection:
            now = await self._link.now_ms(connection)
            chosen = select(outbox).where(outbox.c.id.in_(heads), outbox.c.free_ms <= now)
            chosen = chosen.order_by(outbox.c.id).limit(limit).with_for_update(skip_locked=True)
            rows = (await connection.execute(chosen)).all()
            for row in rows:
                values = {"attempt": row.attempt + 1, "free_ms": now + round(self._options.reclaim_s * 1000)}
                await connection.execute(update(outbox).where(outbox.c.id == row.id).values(values))
        return [Outgoing(str(row.id), row.sender_id, load(row.body), row.attempt + 1) for row in rows]


class SqlReminders:
    """Reminders in a table; see `base.Reminders`."""

    def __init__(self, link: SqlLink, options: StoreOptions) -> None:
        self._link, self._options = link, options

    async def schedule(self, sender_id: str, reminder: Mapping[str, Any], due: float) -> Reminder:
        name = check_id("reminder name", str(reminder.get("name") or uuid.uuid4().hex))
        body: Json = {**reminder, "name": name}
        kept = Reminder(check_id("sender_id", sender_id), name, body, due_ms(due) / 1000)
        async with self._link.transaction() as connection:
            await self.put(connection, kept)
        return kept

    async def put(self, connection: AsyncConnection, reminder: Reminder) -> None:
        """Keep one in place of an earlier one of its name."""
        await self.drop(connection, reminder.sender_id, [reminder.name])
        values = {
            "sender_id": reminder.sender_id,
            "name": check_id("reminder name", reminder.name),
            "due_ms": due_ms(reminder.due),
            "free_ms": due_ms(reminder.due),
            "body": dump_ascii(reminder.body),
        }
        await connection.execute(insert(reminders).values(values))

    async def drop(self, connection: AsyncConnection, sender_id: str, names: Sequence[str] | None) -> int:
        """Cancel within a transaction."""
        gone = delete(reminders).where(reminders.c.sender_id == sender_id)
        if names is not None:
            gone = gone.where(reminders.c.name.in_(names))
        return int((await connection.execute(gone)).rowcount)

    async def cancel(self, sender_id: str, names: Sequence[str] | None = None) -> int:
        async with self._link.transaction() as connection:
            return await self.drop(connection, check_id("sender_id", sender_id), names)

    async def pending(self, sender_id: str) -> list[Reminder]:
        chosen = select(reminders).where(reminders.c.sender_id == sender_id)
        async with self._link.transaction() as connection:
            rows = (await connection.execute(chosen.order_by(reminders.c.due_ms, reminders.c.name))).all()
        return [_reminder(row) for row in rows]

    async def due(self, now: float, limit: int = 100) -> list[Reminder]:
        chosen = select(reminders).where(reminders.c.free_ms <= due_ms(now)).limit(limit)
        chosen = chosen.order_by(reminders.c.due_ms, reminders.c.name).with_for_update(skip_locked=True)
        again = due_ms(now + self._options.reclaim_s)
        async with self._link.transaction() as connection:
            rows = (await connection.execute(chosen)).all()
            for row in rows:
                mine = (reminders.c.sender_id == row.sender_id) & (reminders.c.name == row.name)
                await connection.execute(update(reminders).where(mine).values(free_ms=again))
        return [_reminder(row) for row in rows]

    async def done(self, reminder: Reminder) -> None:
        mine = (reminders.c.sender_id == reminder.sender_id) & (reminders.c.name == reminder.name)
        async with self._link.transaction() as connection:
            await connection.execute(
                delete(reminders).where(mine, reminders.c.due_ms == due_ms(reminder.due))
            )


def due_ms(due: float) -> int:
    """Epoch seconds as the milliseconds reminders are kept with."""
    return max(0, round(due * 1000))


def _reminder(row: Any) -> Reminder:
    return Reminder(row.sender_id, row.name, load(row.body), row.due_ms / 1000)
