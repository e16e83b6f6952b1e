"""An async SQLAlchemy engine for SQLite or PostgreSQL: transactions, time limits, errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import URL, event, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from shoptalk.errors import ConfigError, StoreError, Unavailable
from shoptalk.stores.sql_tables import events_in_order, metadata

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_NOW = {
    "sqlite": "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    "postgresql": "SELECT CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)",
}


def sql_url(
    dialect: str = "sqlite",
    url: str | None = None,
    port: int | None = None,
    db: str | None = "rasa.db",
    username: str | None = None,
    password: str | None = None,
    query: dict[str, Any] | None = None,
) -> URL:
    """The address of a database, from the keys Rasa's endpoints.yml has for it.

    Raises:
        ConfigError: the dialect has no async driver here.
    """
    if url and "://" in url:
        parsed = make_url(url)
    else:
        parsed = URL.create(dialect, username, password, url, port, db, query or {})
    name = parsed.get_backend_name()
    if name not in _DRIVERS:
        raise ConfigError(f"The tracker store has no SQL dialect {name!r}.", hint="Use sqlite or postgresql.")
    return parsed.set(drivername=_DRIVERS[name])


class SqlLink:
    """Runs transactions; every failure to reach the database is `Unavailable`, in bounded time.

    On SQLite a transaction takes the write lock at once (`BEGIN IMMEDIATE`), so that two processes
    over one file never fail half-way; within a process transactions queue for one connection.
    """

    def __init__(self, url: URL, timeout_s: float = 1.9) -> None:
        self.url, self.timeout_s = url, timeout_s
        self.dialect = url.get_backend_name()
        self._engine = _engine(url, timeout_s)
        self._ready = False
        self._preparing = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it or nothing.

        Raises:
            Unavailable: the database does not answer, or is locked for too long.
            StoreError: it refused a statement.
        """
        where = self.url.render_as_string(hide_password=True)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._prepare()
                async with self._engine.begin() as connection:
                    yield connection
        except (TimeoutError, exc.TimeoutError) as error:
            raise _away(where, f"no answer within {self.timeout_s} s") from error
        except (exc.OperationalError, exc.InterfaceError, OSError) as error:
            raise _away(where, str(getattr(error, "orig", error))) from error
        except exc.DBAPIError as error:
            if error.connection_invalidated:
                raise _away(where, str(error.orig)) from error
            raise StoreError(f"The database {where} refused a statement: {error.orig}.") from error

    async def now_ms(self, connection: AsyncConnection) -> int:
        """The database's clock; the only one that all workers share."""
        return int((await connection.execute(text(_NOW[self.dialect]))).scalar_one())

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()

    async def _prepare(self) -> None:
        async with self._preparing:
            if not self._ready:
                if self.dialect == "sqlite" and self.url.database not in (None, "", ":memory:"):
                    open(
                        str(self.url.database), "ab"
                    ).close()  # the driver leaves a thread behind when it cannot
                async with self._engine.begin() as connection:
                    if self.dialect == "postgresql":  # two workers that start together must not race
                        await connection.execute(text("SELECT pg_advisory_xact_lock(7302110)"))
                    await connection.run_sync(metadata.create_all)
                    await connection.run_sync(lambda sync: events_in_order.create(sync, checkfirst=True))
                self._ready = True


def _away(where: str, why: str) -> Unavailable:
    return Unavailable(
        f"The database {where} cannot be used: {why}.",
        hint="Nothing is lost; the request may be repeated. Is it up, and where `tracker_store:` says?",
    )


def _engine(url: URL, timeout_s: float) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(
            url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0, pool_timeout=timeout_s
        )
        event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
        event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        return engine
    schema = os.environ.get("POSTGRESQL_SCHEMA")
    arguments: dict[str, Any] = {"timeout": timeout_s}
    if schema:
        arguments["server_settings"] = {"search_path": schema}
    return create_async_engine(
        url,
        pool_size=int(os.environ.get("SQL_POOL_SIZE", "50")),
        max_overflow=int(os.environ.get("SQL_MAX_OVERFLOW", "100")),
        pool_timeout=timeout_s,
        pool_pre_ping=True,
        connect_args=arguments,
    )


def _on_sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_on_sqlite_begin`, not by the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=1500"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
