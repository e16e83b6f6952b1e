"""Conversations that Rasa left: each is taken over when its sender writes again."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import URL, delete, select

from shoptalk.errors import LeaseLost, StoreError
from shoptalk.stores.base import Accepted, Conversation, Json, Known, StoredMessage, TrackerStore, Turn
from shoptalk.stores.codec import load
from shoptalk.stores.redis_link import RedisLink
from shoptalk.stores.sql_link import SqlLink
from shoptalk.stores.sql_tables import events

logger = logging.getLogger(__name__)

_KNOWN = 50_000


class LegacyReader(Protocol):
    """Reads trackers in the form Rasa stores them."""

    async def read(self, sender_id: str) -> list[Json]:
        """All events of a sender, oldest first; empty when there are none."""

    async def forget(self, sender_id: str) -> int:
        """Delete a sender's tracker; returns how many events it had."""

    def senders(self) -> AsyncIterator[str]:
        """Everybody who has a tracker."""

    async def close(self) -> None:
        """Release connections."""


class RasaRedisReader:
    """Trackers of Rasa's RedisTrackerStore: one key `tracker:<sender>` with `{"events", "name"}`.

    Args:
        link: the server that holds them.
        prefix: what stands before `tracker:` in their keys ("" or "name:").
    """

    def __init__(self, link: RedisLink, prefix: str = "") -> None:
        self._link, self._prefix = link, f"{prefix}tracker:"

    async def read(self, sender_id: str) -> list[Json]:
        text = await self._link.command("GET", self._prefix + sender_id)
        return [] if text is None else _events_of(text, self._prefix + sender_id)

    async def forget(self, sender_id: str) -> int:
        count = len(await self.read(sender_id))
        await self._link.command("DEL", self._prefix + sender_id)
        return count

    async def senders(self) -> AsyncIterator[str]:
        cursor: int | bytes = 0
        while True:
            cursor, page = await self._link.command("SCAN", cursor, "MATCH", f"{self._prefix}*", "COUNT", 500)
            for key in page:
                yield key.decode().removeprefix(self._prefix)
            if int(cursor) == 0:
                return

    async def close(self) -> None:
        return None


class RasaSqlReader:
    """Trackers of Rasa's SQLTrackerStore: its `events` table.

    The SQL store reads that table anyway; this is for a move from SQL to another store.
    """

    def __init__(self, url: URL) -> None:
        self._link = SqlLink(url)

    async def read(self, sender_id: str) -> list[Json]:
        chosen = select(events.c.data).where(events.c.sender_id == sender_id).order_by(events.c.id)
        async with self._link.transaction() as connection:
            return [load(row.data) for row in await connection.execute(chosen)]

    async def forget(self, sender_id: str) -> int:
        async with self._link.transaction() as connection:
            gone = await connection.execute(delete(events).where(events.c.sender_id == sender_id))
            return int(gone.rowcount)

    async def senders(self) -> AsyncIterator[str]:
        async with self._link.transaction() as connection:
            found = (await connection.execute(select(events.c.sender_id).distinct())).scalars().all()
        for sender in found:
            yield sender

    async def close(self) -> None:
        await self._link.close()


class AdoptingStore:
    """A tracker store that takes over Rasa's trackers as their senders come back.

    Rasa's own copy is left as it is until the sender is forgotten or the conversation replaced, so
    that one can go back to Rasa.
    """

    def __init__(self, store: TrackerStore, legacy: LegacyReader) -> None:
        self._store, self._legacy = store, legacy
        self._known: OrderedDict[str, None] = OrderedDict()
        self.outbox, self.reminders = store.outbox, store.reminders

    @property
    def inner(self) -> TrackerStore:
        """The store conversations are moved to."""
        return self._store

    async def accept(self, message: StoredMessage) -> Accepted:
        return await self._store.accept(message)

    async def begin_turn(self, sender_id: str, known: Known | None = None) -> Turn | None:
        await self.adopt(sender_id)
        return await self._store.begin_turn(sender_id, known)

    async def wait_for_replies(
        self, channel: str, sender_id: str, message_id: str, timeout_s: float
    ) -> list[Json] | None:
        return await self._store.wait_for_replies(channel, sender_id, message_id, timeout_s)

    async def wait_for_turn(self, sender_id: str, timeout_s: float) -> None:
        await self._store.wait_for_turn(sender_id, timeout_s)

    async def load(self, sender_id: str, *, full: bool = False, earlier: bool = False) -> Conversation | None:
        await self.adopt(sender_id)
        return await self._store.load(sender_id, full=full, earlier=earlier)

    async def append(
        self, sender_id: str, events: Sequence[Mapping[str, Any]], *, at: int | None = None
    ) -> int:
        await self.adopt(sender_id)
        return await self._store.append(sender_id, events, at=at)

    async def replace(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        await self._store.replace(sender_id, events)
        await self._legacy.forget(sender_id)

    async def forget(self, sender_id: str) -> int:
        left = await self._legacy.forget(sender_id)
        kept = await self._store.forget(sender_id)
        return max(kept, left)

    async def senders(self, limit: int = 100, cursor: str = "") -> tuple[list[str], str]:
        return await self._store.senders(limit, cursor)

    async def stalled(self, limit: int = 100) -> list[str]:
        return await self._store.stalled(limit)

    async def depths(self) -> dict[str, int]:
        """What waits, if the store can tell."""
        counting = getattr(self._store, "depths", None)
        return await counting() if counting is not None else {}

    async def ping(self) -> None:
        await self._store.ping()

    async def close(self) -> None:
        await self._legacy.close()
        await self._store.close()

    async def adopt(self, sender_id: str) -> None:
        """Take one sender's tracker over, if Rasa left one and it was not taken before."""
        if sender_id in self._known:
            return
        if await self._store.load(sender_id) is None and (left := await self._legacy.read(sender_id)):
            try:
                await self._store.append(sender_id, left, at=0)
                logger.info("store.adopted", extra={"events": len(left)})
            except LeaseLost:
                logger.debug("store.adopted_elsewhere")
        self._known[sender_id] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    async def adopt_all(self) -> int:
        """Take everybody over at once; returns how many trackers were looked at."""
        count = 0
        async for sender in self._legacy.senders():
            await self.adopt(sender)
            count += 1
        return count


def _events_of(text: bytes, key: str) -> list[Json]:
    try:
        stored = load(text)
        found: list[Json] = [event for event in stored["events"] if isinstance(event, dict)]
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"The key {key!r} holds no tracker of Rasa's: {error}.",
            hint='It should be JSON with "events" and "name". Delete or rename the key to start anew.',
        ) from error
    return found
