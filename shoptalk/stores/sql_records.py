"""Rows of one sender: locking them, reading a conversation's tail, adding to it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from shoptalk.stores.base import Conversation, Json, StoredMessage, StoreOptions
from shoptalk.stores.codec import dump_ascii, field_of, load
from shoptalk.stores.sql_link import SqlLink
from shoptalk.stores.sql_tables import conversations, events, seen, snapshots

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
EVERYTHING = 2


class SqlRecords:
    """Reads and writes the rows of a sender within a transaction."""

    def __init__(self, link: SqlLink, options: StoreOptions) -> None:
        self._link, self._options = link, options

    @contextlib.asynccontextmanager
    async def locked(self, sender_id: str) -> AsyncIterator[tuple[AsyncConnection, Row[Any], int]]:
        """A transaction with the sender's row locked: its connection, the row, the time in ms."""
        async with self._link.transaction() as connection:
            row = await self.row(connection, sender_id, lock=True)
            if row is None:
                length = await self.count(connection, sender_id)  # of a conversation that Rasa left
                added = _INSERT[self._link.dialect](conversations).values(sender_id=sender_id, length=length)
                await connection.execute(added.on_conflict_do_nothing())
                row = await self.row(connection, sender_id, lock=True)
            now = await self._link.now_ms(connection)
            if row is not None and row.expires_ms is not None and row.expires_ms <= now:
                await self.clear(connection, sender_id)
                await self.update(connection, sender_id, length=0, expires_ms=None)
                row = await self.row(connection, sender_id, lock=True)
            assert row is not None, "the row was just written in this transaction"
            yield connection, row, now

    async def row(
        self, connection: AsyncConnection, sender_id: str, *, lock: bool = False
    ) -> Row[Any] | None:
        """The sender's row, if there is one."""
        chosen = select(conversations).where(conversations.c.sender_id == sender_id)
        return (await connection.execute(chosen.with_for_update() if lock else chosen)).one_or_none()

    async def update(self, connection: AsyncConnection, sender_id: str, **values: Any) -> None:
        """Change the sender's row."""
        await connection.execute(
            update(conversations).where(conversations.c.sender_id == sender_id).values(**values)
        )

    async def count(self, connection: AsyncConnection, sender_id: str) -> int:
        """Number of events in Rasa's table."""
        chosen = select(func.count()).select_from(events).where(events.c.sender_id == sender_id)
        return int((await connection.execute(chosen)).scalar_one())

    async def clear(self, connection: AsyncConnection, sender_id: str) -> None:
        """Delete events and snapshots."""
        for table in (events, snapshots):
            await connection.execute(delete(table).where(table.c.sender_id == sender_id))

    async def tail(
        self, connection: AsyncConnection, sender_id: str, length: int, which: int
    ) -> Conversation:
        """The conversation from a snapshot on: 0 the newest, 1 the one before, `EVERYTHING` from none."""
        chosen = select(snapshots).where(snapshots.c.sender_id == sender_id)
        chosen = chosen.order_by(snapshots.c.id.desc()).offset(which).limit(1)
        snapshot = None
        if which != EVERYTHING:
            snapshot = (await connection.execute(chosen)).one_or_none()
        since = snapshot.last_event_id if snapshot is not None else -1
        wanted = select(events.c.data).where(events.c.sender_id == sender_id, events.c.id > since)
        found = [load(row.data) for row in await connection.execute(wanted.order_by(events.c.id))]
        if snapshot is None:
            return Conversation(found, 0, None, length)
        return Conversation(found, snapshot.at_index, load(snapshot.state), length)

    async def add_events(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows of `event_row`."""
        for row in rows:  # one by one: their order is the order of their ids
            await connection.execute(insert(events).values(**row))

    async def add_snapshot(
        self, connection: AsyncConnection, sender_id: str, length: int, state: str
    ) -> None:
        """Add a snapshot at the end of the conversation; two are kept."""
        newest = select(func.max(events.c.id)).where(events.c.sender_id == sender_id)
        last = (await connection.execute(newest)).scalar_one_or_none() or 0
        values = {"sender_id": sender_id, "at_index": length, "last_event_id": last, "state": state}
        await connection.execute(insert(snapshots).values(**values))
        mine = snapshots.c.sender_id == sender_id
        kept = select(snapshots.c.id).where(mine).order_by(snapshots.c.id.desc()).limit(2)
        ids = [row.id for row in await connection.execute(kept)]
        await connection.execute(delete(snapshots).where(mine, snapshots.c.id.not_in(ids)))

    async def replies(
        self, connection: AsyncConnection, sender_id: str, field: str, now: int
    ) -> list[Json] | None:
        """Stored replies of a message."""
        young = seen.c.at_ms > now - round(self._options.dedupe_s * 1000)
        chosen = select(seen.c.replies).where(seen.c.sender_id == sender_id, seen.c.field == field, young)
        found = (await connection.execute(chosen)).scalar_one_or_none()
        return None if found is None else load(found)

    def expires_ms(self, now: int) -> int | None:
        """When a conversation written now is dropped."""
        keep_s = self._options.record_exp_s
        return None if keep_s is None else now + round(keep_s * 1000)


def live(row: Row[Any], now: int) -> bool:
    """Whether somebody holds the lease; one that ends beyond its span is from before the clock was set back."""
    return bool(0 < row.lease_until_ms - now <= row.lease_span_ms)


def field_text(message: StoredMessage) -> str:
    """Identity of a message within its sender, without NUL, which PostgreSQL refuses."""
    field_of(message)
    return dump_ascii([message.channel, message.message_id])


def event_row(sender_id: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as a row of Rasa's table."""
    intent = (event.get("parse_data") or {}).get("intent") or {}
    return {
        "sender_id": sender_id,
        "type_name": str(event.get("event", "")),
        "timestamp": event.get("timestamp"),
        "intent_name": intent.get("name"),
        "action_name": event.get("name"),
        "data": dump_ascii(event),
    }
