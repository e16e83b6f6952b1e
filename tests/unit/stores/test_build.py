"""endpoints.yml -> stores and brokers."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

import pytest

from shoptalk.errors import ConfigError, Unavailable
from shoptalk.stores.base import StoredMessage
from shoptalk.stores.broker import CollectingBroker
from shoptalk.stores.build import build_broker, build_store, redis_address
from shoptalk.stores.legacy import AdoptingStore
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.stores.sql import SqlTrackerStore

EVENTS = [{"event": "user", "timestamp": 1.5, "text": "你好"}, {"event": "slot", "name": "a", "value": None}]


def test_types_choose_stores(tmp_path: Path) -> None:
    assert isinstance(build_store(None), MemoryTrackerStore)
    assert isinstance(build_store({"type": "in_memory", "max_waiting": 3}), MemoryTrackerStore)
    assert isinstance(build_store({"type": "redis", "url": "localhost", "record_exp": 30}), AdoptingStore)
    assert isinstance(build_store({"store_type": "sql", "db": str(tmp_path / "x.db")}), SqlTrackerStore)
    assert isinstance(build_store({"type": "shoptalk.stores.memory.MemoryTrackerStore"}), MemoryTrackerStore)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"type": "redsi"}, "Did you mean 'redis'"),
        ({"type": "redis", "key_prefx": "a"}, "Did you mean 'key_prefix'"),
        ({"type": "mongod", "host": "x"}, "Known: url, db"),
        ({"type": "mongod", "url": "mongodb://a:b@c:d/"}, "'c:d/' cannot be used"),
        ({"type": "dynamo", "table": "x"}, "Did you mean 'table_name'"),
        ({"type": "sql", "dialect": "oracle"}, "sqlite or postgresql"),
        ({"type": "json.JSONDecoder"}, "not a tracker store"),
        ({"type": "no.such.Store"}, "cannot be loaded"),
    ],
)
def test_mistakes_are_told(config: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_store(config)


@pytest.mark.parametrize(
    ("kind", "package", "extra"), [("mongod", "pymongo", "mongo"), ("dynamo", "aiobotocore", "dynamo")]
)
def test_a_missing_package_is_told(
    kind: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"shoptalk.stores.documents_{extra}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ConfigError, match=f"needs the package '{package}'") as raised:
        build_store({"type": kind})
    assert raised.value.hint == f"pip install 'shoptalk[{extra}]'"


def test_redis_addresses() -> None:
    plain = redis_address({"url": "cache", "port": 6380, "db": 2, "password": "secret"})
    assert (plain.host, plain.port, plain.db, plain.ssl) == ("cache", 6380, 2, None)
    assert "secret" not in repr(plain)
    whole = redis_address({"url": "rediss://me:p%40ss@cache:7000/3", "ssl_ca_certs": "ca.pem"})
    assert (whole.host, whole.port, whole.db, whole.username, whole.password) == (
        "cache",
        7000,
        3,
        "me",
        "p@ss",
    )
    assert whole.ssl == {"ssl_ca_certs": "ca.pem"}
    assert redis_address({"sentinels": [["a", 1], ["b", 2]]}).sentinels == (("a", 1), ("b", 2))
    assert redis_address({"url": "a", "replicas": 1}).replicas == 1
    with pytest.raises(ConfigError, match="not for a cluster"):
        redis_address({"url": "a", "cluster": True, "replicas": 1})


def test_a_missing_server_is_unavailable_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-nobody")

    async def run() -> None:
        for config in ({"type": "mongod", "url": "mongodb://me:secret@127.0.0.1:1"},
                       {"type": "dynamo", "url": "http://127.0.0.1:1"},
                       {"type": "redis", "url": "127.0.0.1", "port": 1},
                       {"type": "sql", "dialect": "postgresql", "url": "127.0.0.1", "port": 1, "db": "x"}):  # fmt: skip
            store = build_store(config)
            async with asyncio.timeout(5):
                with pytest.raises(Unavailable, match=r"cannot") as raised:
                    await store.accept(StoredMessage("rest", "a", "1", {}))
            assert "secret" not in str(raised.value)
            await store.close()

    asyncio.run(run())


def test_file_and_sql_brokers(tmp_path: Path) -> None:
    async def run() -> None:
        for config in (
            {"type": "file", "path": str(tmp_path / "log")},
            {"type": "sql", "db": str(tmp_path / "e.db")},
        ):
            broker = build_broker(config)
            await broker.publish("a", EVENTS)
            await broker.publish("b", [])
            await broker.publish("b", EVENTS[:1])
            await broker.close()

    asyncio.run(run())
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == [
        {"sender_id": "a", **EVENTS[0]},
        {"sender_id": "a", **EVENTS[1]},
        {"sender_id": "b", **EVENTS[0]},
    ]
    rows = (
        sqlite3.connect(tmp_path / "e.db")
        .execute("SELECT sender_id, data FROM events ORDER BY id")
        .fetchall()
    )
    assert [(sender, json.loads(data)) for sender, data in rows] == [
        ("a", EVENTS[0]),
        ("a", EVENTS[1]),
        ("b", EVENTS[0]),
    ]


def test_broker_mistakes_are_told(tmp_path: Path) -> None:
    assert build_broker(None) is None
    with pytest.raises(ConfigError, match="Did you mean 'kafka'"):
        build_broker({"type": "kafk"})
    with pytest.raises(ConfigError, match="unknown key 'pth'"):
        build_broker({"type": "file", "pth": "x"})

    async def run() -> None:
        with pytest.raises(Unavailable, match="Cannot write events"):
            await build_broker({"type": "file", "path": str(tmp_path)}).publish("a", EVENTS)
        collecting = CollectingBroker()
        await collecting.publish("a", EVENTS)
        assert collecting.messages[0] == {"sender_id": "a", **EVENTS[0]}

    asyncio.run(run())
