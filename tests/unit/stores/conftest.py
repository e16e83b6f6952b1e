"""One real Valkey server for the store tests of a session, and stores on it that share nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from shoptalk.stores.base import StoreOptions
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.sql import SqlTrackerStore
from shoptalk.stores.sql_link import sql_url

_prefixes = itertools.count()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with EmbeddedValkey(folder, appendfsync="no") as server:
        yield server


@pytest.fixture
def redis_store(valkey: EmbeddedValkey) -> Callable[[StoreOptions], RedisTrackerStore]:
    """Opens stores of one empty data set."""
    prefix = f"test{next(_prefixes)}"

    def open_store(options: StoreOptions) -> RedisTrackerStore:
        return RedisTrackerStore(valkey.address, prefix, options)

    return open_store


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Callable[[StoreOptions], SqlTrackerStore]:
    """Opens stores of one empty SQLite file."""
    return lambda options: SqlTrackerStore(sql_url("sqlite", db=str(tmp_path / "trackers.db")), options)


@pytest.fixture
def postgres_store(postgres: str) -> Callable[[StoreOptions], SqlTrackerStore]:
    """Opens stores of one empty PostgreSQL schema."""

    async def empty() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    return lambda options: SqlTrackerStore(sql_url(url=postgres), options)
