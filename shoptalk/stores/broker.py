"""Event brokers: every committed event, told to the outside as Rasa tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Column, Integer, MetaData, String, Table, Text, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from shoptalk.errors import Unavailable
from shoptalk.stores.base import Json
from shoptalk.stores.codec import dump_ascii


class EventBroker(Protocol):
    """Where events are told. Called after a commit; an event may be told twice, never before it is kept."""

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Tell events of one sender, in order.

        Raises:
            Unavailable: the broker does not take them.
        """

    async def close(self) -> None:
        """Tell what is still waiting, and release connections."""


def broker_message(sender_id: str, event: Mapping[str, Any]) -> Json:
    """An event in the form every broker of Rasa's gives it."""
    return {"sender_id": sender_id, **event}


class CollectingBroker:
    """Keeps what it is told in a list; for tests."""

    def __init__(self) -> None:
        self.messages: list[Json] = []

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        self.messages += [broker_message(sender_id, event) for event in events]

    async def close(self) -> None:
        return None


class FileBroker:
    """One JSON object a line, appended to a file."""

    def __init__(self, path: str | Path = "rasa_event.log") -> None:
        self._path = Path(path)
        self._writing = asyncio.Lock()

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        lines = "".join(dump_ascii(broker_message(sender_id, event)) + "\n" for event in events)
        async with self._writing:
            try:
                await asyncio.to_thread(self._append, lines)
            except OSError as error:
                raise Unavailable(f"Cannot write events to {self._path}: {error.strerror}.") from error

    async def close(self) -> None:
        return None

    def _append(self, lines: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(lines)


class SqlBroker:
    """One row an event, in a table `events(id, sender_id, data)`."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(url)
        self._metadata = MetaData()
        self._table = Table(
            "events",
            self._metadata,
            Column("id", Integer, primary_key=True),
            Column("sender_id", String(255)),
            Column("data", Text),
        )
        self._ready = False

    async def publish(self, sender_id: str, events: Sequence[Mapping[str, Any]]) -> None:
        rows = [{"sender_id": sender_id, "data": dump_ascii(event)} for event in events]
        if not rows:
            return
        try:
            async with self._engine.begin() as connection:
                if not self._ready:
                    await connection.run_sync(self._metadata.create_all)
                await connection.execute(insert(self._table), rows)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"Cannot write events to {self._engine.url!r}: {error}.") from error
        self._ready = True

    async def close(self) -> None:
        await self._engine.dispose()
