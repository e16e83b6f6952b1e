"""Servers for the store tests of a session, and stores on them that share nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from pymongo import MongoClient
from serving import free_port

from shoptalk.stores.base import StoreOptions
from shoptalk.stores.documents import DocumentTrackerStore
from shoptalk.stores.documents_dynamo import DynamoDocuments
from shoptalk.stores.documents_mongo import MongoDocuments
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.sql import SqlTrackerStore
from shoptalk.stores.sql_link import sql_url

_prefixes = itertools.count()

# One request at a time: moto's own server takes several in threads, and looks at a condition without a lock.
_MOTO = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app))
"""


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


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a MongoDB: the one of MONGODB_URL, a `mongod` of this machine, or a stand-in that speaks its protocol."""
    if given := os.environ.get("MONGODB_URL"):
        yield given
        return
    folder, port = tmp_path_factory.mktemp("mongodb"), free_port()
    command = ["mongod", "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    if shutil.which("mongod") is None:
        files = ["--data-dir", "memory", "--log-file", str(folder / "log"), "--pid-file", str(folder / "pid")]
        command = [str(Path(sys.executable).with_name("nx-27017")), "-p", str(port), *files]
    with _serving(command, port):
        yield f"mongodb://127.0.0.1:{port}"


@pytest.fixture
def mongo_documents(mongodb: str) -> Iterator[Callable[[], MongoDocuments]]:
    """Opens one empty database."""
    name = f"shoptalk_test_{os.getpid()}_{next(_prefixes)}"
    yield lambda: MongoDocuments(mongodb, db=name)
    with MongoClient(mongodb) as client:
        client.drop_database(name)


@pytest.fixture
def mongo_store(
    mongo_documents: Callable[[], MongoDocuments],
) -> Callable[[StoreOptions], DocumentTrackerStore]:
    """Opens stores of one empty database."""
    return lambda options: DocumentTrackerStore(mongo_documents(), options)


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    """URL of moto's DynamoDB."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "of-nobody")
        with _serving([sys.executable, "-c", _MOTO, str(port)], port):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def dynamo_documents(dynamodb: str) -> Callable[[], DynamoDocuments]:
    """Opens one empty table."""
    name = f"states_{next(_prefixes)}"
    return lambda: DynamoDocuments(name, url=dynamodb)


@pytest.fixture
def dynamo_store(
    dynamo_documents: Callable[[], DynamoDocuments],
) -> Callable[[StoreOptions], DocumentTrackerStore]:
    """Opens stores of one empty table."""
    return lambda options: DocumentTrackerStore(dynamo_documents(), options)


@contextlib.contextmanager
def _serving(command: list[str], port: int) -> Iterator[None]:
    """A server in a process of its own, from when it listens."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert server.poll() is None, f"{command[0]} did not start"
                    assert time.monotonic() < deadline, f"{command[0]} does not listen"
                    time.sleep(0.05)
            yield
        finally:
            server.terminate()
