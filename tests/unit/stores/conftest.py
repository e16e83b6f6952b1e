"""One real Valkey server for the store tests of a session, and stores on it that share nothing."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real PostgreSQL server; tests are skipped where none is installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed")
    binary = binaries[-1]
    folder = Path(tempfile.mkdtemp(prefix="shoptalk-pg-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, log = folder / "data", folder / "log"
    initdb = [*as_user, str(binary / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    control = [*as_user, str(binary / "pg_ctl"), "-D", str(data)]
    options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c full_page_writes=off"
    subprocess.run(
        [*control, "-w", "-l", str(log), "-o", options, "start"], check=True, capture_output=True, cwd=folder
    )
    yield f"postgresql://postgres@127.0.0.1:{port}"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)
    shutil.rmtree(folder)


@pytest.fixture
def postgres_store(postgres: str) -> Callable[[StoreOptions], SqlTrackerStore]:
    """Opens stores of one empty PostgreSQL schema."""

    async def empty() -> None:
        connection = await asyncpg.connect(f"{postgres}/postgres")
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()

    asyncio.run(empty())
    return lambda options: SqlTrackerStore(sql_url(url=f"{postgres}/postgres"), options)
