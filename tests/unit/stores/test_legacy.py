"""Conversations of a Rasa deployment go on here."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from aiobotocore.session import get_session
from pymongo import AsyncMongoClient

from shoptalk.errors import StoreError
from shoptalk.stores.base import StoredMessage, StoreOptions
from shoptalk.stores.build import build_store
from shoptalk.stores.legacy import AdoptingStore, RasaRedisReader, RasaSqlReader
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.sql import SqlTrackerStore
from shoptalk.stores.sql_link import sql_url

EVENTS = [
    {"event": "action", "timestamp": 1.0, "name": "action_session_start", "policy": None, "confidence": 1.0},
    {"event": "user", "timestamp": 2.0, "text": "你好", "parse_data": {"intent": {"name": "greet"}}},
    {"event": "slot", "timestamp": 3.0, "name": "order_id", "value": "10234"},
]


@pytest.fixture
def rasa_database(tmp_path: Path) -> Path:
    """What Rasa 3.6 leaves in SQLite."""
    path = tmp_path / "rasa.db"
    database = sqlite3.connect(path)
    database.execute(
        "CREATE TABLE events (id INTEGER NOT NULL, sender_id VARCHAR(255) NOT NULL, type_name VARCHAR(255) NOT NULL, "
        "timestamp FLOAT, intent_name VARCHAR(255), action_name VARCHAR(255), data TEXT, PRIMARY KEY (id))"
    )
    database.execute("CREATE INDEX ix_events_sender_id ON events (sender_id)")
    for event in EVENTS:
        row = ("old", event["event"], event["timestamp"], event.get("name"), json.dumps(event))
        database.execute(
            "INSERT INTO events (sender_id, type_name, timestamp, action_name, data) VALUES (?,?,?,?,?)", row
        )
    database.commit()
    database.close()
    return path


async def goes_on(store) -> None:
    """The next turn sees Rasa's events; ours come after them; others are not touched."""
    await store.accept(StoredMessage("rest", "old", "m1", {"text": "and now?"}))
    turn = await store.begin_turn("old")
    assert turn is not None
    assert turn.conversation.events == EVENTS
    await turn.commit(
        [{"event": "user", "timestamp": 4.0, "text": "and now?"}], [], {"slots": {"order_id": "10234"}}
    )
    found = await store.load("old")
    assert (found.snapshot, found.first_index, found.length) == ({"slots": {"order_id": "10234"}}, 4, 4)
    assert [e["event"] for e in (await store.load("old", full=True)).events] == [
        "action",
        "user",
        "slot",
        "user",
    ]
    assert await store.load("somebody else") is None


def test_a_redis_tracker_goes_on(redis_store: Callable[[StoreOptions], RedisTrackerStore]) -> None:
    async def run() -> None:
        inner = redis_store(StoreOptions())
        key = f"{inner.keys.prefix}tracker:old"
        await inner.link.command("SET", key, json.dumps({"events": EVENTS, "name": "old"}))
        store = AdoptingStore(inner, RasaRedisReader(inner.link, inner.keys.prefix))
        await goes_on(store)
        other_worker = AdoptingStore(
            redis_store(StoreOptions()), RasaRedisReader(inner.link, inner.keys.prefix)
        )
        assert (await other_worker.load("old", full=True)).length == 4
        assert await store.forget("old") == 4
        assert await inner.link.command("EXISTS", key) == 0
        assert await store.load("old") is None
        await inner.link.command("SET", key, "[]")
        with pytest.raises(StoreError, match="holds no tracker of Rasa's"):
            await AdoptingStore(inner, RasaRedisReader(inner.link, inner.keys.prefix)).load("old")
        await other_worker.close()
        await store.close()

    asyncio.run(run())


def test_two_workers_adopt_once(redis_store: Callable[[StoreOptions], RedisTrackerStore]) -> None:
    async def run() -> None:
        first = redis_store(StoreOptions())
        await first.link.command(
            "SET", f"{first.keys.prefix}tracker:old", json.dumps({"events": EVENTS, "name": "old"})
        )
        stores = [
            AdoptingStore(s, RasaRedisReader(s.link, s.keys.prefix))
            for s in (first, redis_store(StoreOptions()))
        ]
        await asyncio.gather(*(store.adopt("old") for store in stores for _ in range(5)))
        assert (await first.load("old")).length == 3
        assert await stores[1].adopt_all() == 1
        for store in stores:
            await store.close()

    asyncio.run(run())


def test_a_sql_tracker_goes_on(rasa_database: Path) -> None:
    async def run() -> None:
        store = SqlTrackerStore(sql_url("sqlite", db=str(rasa_database)))
        await goes_on(store)
        await store.close()

    asyncio.run(run())
    rows = (
        sqlite3.connect(rasa_database)
        .execute("SELECT type_name, timestamp, data FROM events ORDER BY id")
        .fetchall()
    )
    assert rows[-1][:2] == ("user", 4.0)
    assert json.loads(rows[-1][2])["text"] == "and now?"


def test_a_sql_tracker_moves_to_another_store(rasa_database: Path) -> None:
    async def run() -> None:
        store = AdoptingStore(MemoryTrackerStore(), RasaSqlReader(sql_url("sqlite", db=str(rasa_database))))
        assert await store.adopt_all() == 1
        await goes_on(store)
        assert await store.forget("old") == 4
        assert await store.load("old") is None
        await store.close()

    asyncio.run(run())


def test_a_mongodb_tracker_goes_on(mongodb: str) -> None:
    async def run() -> None:
        client = AsyncMongoClient(mongodb)
        await client.drop_database("rasa_left")
        trackers = client["rasa_left"]["conversations"]
        state = {"slots": {"order_id": "10234"}, "latest_event_time": 3.0}
        await trackers.insert_one({"sender_id": "old", **state, "events": EVENTS})
        await trackers.insert_one({"sender_id": 10, **state, "events": EVENTS[:1]})
        store = build_store({"type": "mongod", "url": mongodb, "db": "rasa_left"})
        assert isinstance(store, AdoptingStore)
        await goes_on(store)
        assert await store.adopt_all() == 2
        assert (await store.load("10", full=True)).events == EVENTS[:1]
        assert await store.forget("old") == 4
        assert await store.load("old") is None
        assert await store.forget("10") == 1
        assert await trackers.count_documents({}) == 0
        await store.close()
        await client.drop_database("rasa_left")
        await client.close()

    asyncio.run(run())


# What Rasa 3.6 leaves in DynamoDB of EVENTS; floats are rounded to nine digits there.
DYNAMO_EVENTS = [
    {"event": {"S": "action"}, "timestamp": {"N": "1"}, "name": {"S": "action_session_start"}, "policy": {"NULL": True},
     "confidence": {"N": "1.0"}},
    {"event": {"S": "user"}, "timestamp": {"N": "2"}, "text": {"S": "你好"},
     "parse_data": {"M": {"intent": {"M": {"name": {"S": "greet"}}}}}},
    {"event": {"S": "slot"}, "timestamp": {"N": "3"}, "name": {"S": "order_id"}, "value": {"S": "10234"}},
]  # fmt: skip


def test_a_dynamodb_tracker_goes_on(dynamodb: str) -> None:
    async def run() -> None:
        # Any new table has another name; this is the one both take when none is given.
        store = build_store({"type": "dynamo", "url": dynamodb, "region": "us-east-1"})
        assert await store.load("old") is None, "Rasa has no table yet"
        async with get_session().create_client("dynamodb", "us-east-1", endpoint_url=dynamodb) as client:
            key = {"AttributeName": "sender_id", "KeyType": "HASH"}
            await client.create_table(
                TableName="states",
                KeySchema=[key],
                AttributeDefinitions=[{"AttributeName": "sender_id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            events = {"L": [{"M": event} for event in DYNAMO_EVENTS]}
            item = {"sender_id": {"S": "old"}, "name": {"S": "old"}, "events": events}
            await client.put_item(TableName="states", Item=item)
            await store.close()
            store = build_store({"type": "dynamo", "url": dynamodb})
            await goes_on(store)
            assert await store.adopt_all() == 1
            assert await store.forget("old") == 4
            assert await store.load("old") is None
            assert (await client.scan(TableName="states"))["Count"] == 0
        await store.close()

    asyncio.run(run())
