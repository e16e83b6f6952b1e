"""Conversations in SQLite or PostgreSQL, in Rasa's own `events` table: a conversation goes on after the switch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import URL, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

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
from shoptalk.stores.codec import check_id, dump_ascii, load
from shoptalk.stores.leased import LeasedTurn
from shoptalk.stores.sql_deferred import OUTBOX_TOPIC, SqlOutbox, SqlReminders
from shoptalk.stores.sql_link import SqlLink
from shoptalk.stores.sql_records import EVERYTHING, SqlRecords, event_row, field_text, live
from shoptalk.stores.sql_tables import conversations, events, inbox, outbox, reminders, seen, snapshots
from shoptalk.stores.wakeups import Wakeups


class SqlTrackerStore:
    """Conversations in SQL; see `base.TrackerStore` for the contract.

    Args:
        url: address of the database, from `sql_link.sql_url`.
        options: bounds and times.
    """

    def __init__(self, url: URL, options: StoreOptions | None = None) -> None:
        self.options = options or StoreOptions()
        self.link = SqlLink(url)
        self._records = SqlRecords(self.link, self.options)
        self._wakeups = Wakeups()
        self.outbox = SqlOutbox(self.link, self._wakeups, self.options)
        self.reminders = SqlReminders(self.link, self.options)

    async def accept(self, message: StoredMessage) -> Accepted:
        name, sender, body = field_text(message), message.sender_id, dump_ascii(dict(message.body))
        mine = inbox.c.sender_id == sender
        async with self._records.locked(sender) as (connection, _, now):
            replies = await self._records.replies(connection, sender, name, now)
            if replies is not None:
                return Accepted("done", replies)
            waiting = [row.field for row in await connection.execute(select(inbox.c.field).where(mine))]
            if name in waiting:
                return Accepted("pending", None, len(waiting))
            if len(waiting) < self.options.max_waiting:
                values = {"sender_id": sender, "field": name, "body": body, "accepted_ms": now}
                ids = {"channel": message.channel, "message_id": message.message_id}
                await connection.execute(insert(inbox).values(**values, **ids))
                return Accepted("new", None, len(waiting) + 1)
        raise Overloaded(
            f"{len(waiting)} messages of this sender are waiting already.",
            hint="Send this one again a little later.",
        )

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> LeasedTurn[int] | None:
        async with self._records.locked(check_id("sender_id", sender_id)) as (connection, row, now):
            first = select(inbox).where(inbox.c.sender_id == sender_id).order_by(inbox.c.id).limit(1)
            head = (await connection.execute(first)).one_or_none()
            if head is None or live(row, now):
                return None
            fence = max(row.fence + 1, now * 1000)
            attempt = row.attempt + 1 if row.head == head.field else 1
            span = self.options.lease_ms
            await self._records.update(
                connection, sender_id, fence=fence, attempt=attempt, head=head.field, lease_until_ms=now + span,
                lease_span_ms=span,
            )  # fmt: skip
            conversation = await self._records.tail(connection, sender_id, row.length, 0)
        message = StoredMessage(
            head.channel, sender_id, head.message_id, load(head.body), head.accepted_ms / 1000
        )
        return LeasedTurn(self, fence, attempt, message, conversation)

    async def renew(self, sender_id: str, fence: int, lease_ms: int) -> bool:
        """Renew a lease, or (0) give it back; False when it is not the caller's any more."""
        async with self._records.locked(sender_id) as (connection, row, now):
            mine = row.fence == fence and live(row, now)
            if mine:
                until = now + lease_ms if lease_ms else 0
                await self._records.update(
                    connection, sender_id, lease_until_ms=until, lease_span_ms=lease_ms
                )
        self._wakeups.tell(sender_id)
        return mine

    async def commit(
        self,
        message: StoredMessage,
        fence: int,
        added: Sequence[Mapping[str, Any]],
        replies: Sequence[Mapping[str, Any]],
        snapshot: Mapping[str, Any] | None,
        deferred: Deferred,
    ) -> bool:
        """Write a whole turn; False (and nothing written) when its lease is over."""
        sender, name = message.sender_id, field_text(message)
        rows, said = [event_row(sender, event) for event in added], dump_ascii(list(replies))
        state = None if snapshot is None else dump_ascii(snapshot)
        async with self._records.locked(sender) as (connection, row, now):
            if row.committed == fence:
                return True
            if row.fence != fence or not live(row, now):
                return False
            await self._records.add_events(connection, rows)
            length = row.length + len(rows)
            if state is not None:
                await self._records.add_snapshot(connection, sender, length, state)
            await connection.execute(delete(seen).where(seen.c.sender_id == sender, seen.c.field == name))
            await connection.execute(
                insert(seen).values(sender_id=sender, field=name, replies=said, at_ms=now)
            )
            old = seen.c.at_ms <= now - round(self.options.dedupe_s * 1000)
            await connection.execute(delete(seen).where(old, seen.c.sender_id == sender))
            await connection.execute(delete(inbox).where(inbox.c.sender_id == sender, inbox.c.field == name))
            await self._defer(connection, sender, deferred)
            await self._records.update(
                connection, sender, committed=fence, lease_until_ms=0, head="", attempt=0, length=length,
                expires_ms=self._records.expires_ms(now),
            )  # fmt: skip
        self._wakeups.tell(sender)
        if deferred.outbox:
            self._wakeups.tell(OUTBOX_TOPIC)
        return True

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        name = field_text(StoredMessage(channel, sender_id, message_id, {}))
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._wakeups.of(sender_id)
            async with self.link.transaction() as connection:
                found = await self._records.replies(
                    connection, sender_id, name, await self.link.now_ms(connection)
                )
            left = deadline - time.monotonic()
            if found is not None or left <= 0:
                return found
            await self._wakeups.wait(changed, left)

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        changed = self._wakeups.of(sender_id)
        async with self.link.transaction() as connection:
            now = await self.link.now_ms(connection)
            waiting = select(func.count()).select_from(inbox).where(inbox.c.sender_id == sender_id)
            row = await self._records.row(connection, sender_id)
            free = (await connection.execute(waiting)).scalar_one() and (row is None or not live(row, now))
        if not free:
            await self._wakeups.wait(changed, timeout_s)

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        async with self.link.transaction() as connection:
            row = await self._records.row(connection, check_id("sender_id", sender_id))
            now = await self.link.now_ms(connection)
            length = row.length if row is not None else await self._records.count(connection, sender_id)
            if not length or (row is not None and row.expires_ms is not None and row.expires_ms <= now):
                return None
            return await self._records.tail(
                connection, sender_id, length, EVERYTHING if full else int(earlier)
            )

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        return await self._write(sender_id, events, at, anew=False)

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._write(sender_id, events, None, anew=True)

    async def forget(self, sender_id: str) -> int:
        async with self._records.locked(check_id("sender_id", sender_id)) as (connection, row, _):
            for table in (events, snapshots, inbox, seen, outbox, reminders, conversations):
                await connection.execute(delete(table).where(table.c.sender_id == sender_id))
        self._wakeups.tell(sender_id)
        return int(row.length)

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        chosen = select(events.c.sender_id).where(events.c.sender_id > cursor).distinct()
        async with self.link.transaction() as connection:
            now = await self.link.now_ms(connection)
            gone = select(conversations.c.sender_id).where(conversations.c.expires_ms <= now)
            chosen = chosen.where(events.c.sender_id.not_in(gone)).order_by(events.c.sender_id).limit(limit)
            page = [row.sender_id for row in await connection.execute(chosen)]
        return page, page[-1] if len(page) == limit else ""

    async def stalled(self, limit: int = 100) -> list[str]:
        since = func.min(inbox.c.accepted_ms)
        chosen = select(inbox.c.sender_id, since).group_by(inbox.c.sender_id).order_by(since)
        async with self.link.transaction() as connection:
            now = await self.link.now_ms(connection)
            busy = select(conversations.c.sender_id).where(
                conversations.c.lease_until_ms > now,
                conversations.c.lease_until_ms - now <= conversations.c.lease_span_ms,
            )
            chosen = chosen.where(inbox.c.sender_id.not_in(busy)).limit(limit)
            return [row.sender_id for row in await connection.execute(chosen)]

    async def depths(self) -> dict[str, int]:
        """What waits, for metrics: senders with messages, outbox entries, reminders."""
        asked = {
            "senders": select(func.count(inbox.c.sender_id.distinct())),
            "outbox": select(func.count()).where(outbox.c.reason.is_(None)),
            "reminders": select(func.count()).select_from(reminders),
        }
        async with self.link.transaction() as connection:
            return {name: int(await connection.scalar(query) or 0) for name, query in asked.items()}

    async def ping(self) -> None:
        async with self.link.transaction() as connection:
            await self.link.now_ms(connection)

    async def close(self) -> None:
        await self.link.close()

    async def _defer(self, connection: AsyncConnection, sender_id: str, deferred: Deferred) -> None:
        for body in deferred.outbox:
            await self.outbox.add(connection, sender_id, body)
        if deferred.cancelled:
            await self.reminders.drop(connection, sender_id, deferred.cancelled)
        for reminder in deferred.reminders:
            await self.reminders.put(connection, replace(reminder, sender_id=sender_id))

    async def _write(
        self, sender_id: str, added: Sequence[Mapping[str, Any]], at: int | None, *, anew: bool
    ) -> int:
        rows = [event_row(check_id("sender_id", sender_id), event) for event in added]
        deadline = time.monotonic() + self.options.busy_s
        while True:
            changed = self._wakeups.of(sender_id)
            async with self._records.locked(sender_id) as (connection, row, now):
                if not live(row, now):
                    if at is not None and at != row.length:
                        raise LeaseLost(
                            f"The conversation has {row.length} events, not {at}; nothing was written.",
                            hint="Read it anew.",
                        )
                    if anew:
                        await self._records.clear(connection, sender_id)
                    await self._records.add_events(connection, rows)
                    length = int(len(rows) if anew else row.length + len(rows))
                    # A lease of 0 makes sure that an expired turn cannot come back.
                    values = {
                        "length": length,
                        "lease_until_ms": 0,
                        "expires_ms": self._records.expires_ms(now),
                    }
                    await self._records.update(connection, sender_id, **values)
                    break
                left_s = (row.lease_until_ms - now) / 1000
            if time.monotonic() >= deadline:
                raise Overloaded(
                    f"Turns kept the conversation busy for {self.options.busy_s} s.",
                    hint="Try again a little later.",
                )
            await self._wakeups.wait(changed, min(left_s, max(deadline - time.monotonic(), 0.0)))
        self._wakeups.tell(sender_id)
        return length
