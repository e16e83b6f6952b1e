"""R7: every store does what a model of plain dicts does, for any sequence of operations."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from shoptalk.stores.base import StoreOptions
from shoptalk.stores.conformance_machine import conformance_machine
from shoptalk.stores.documents import DocumentTrackerStore
from shoptalk.stores.documents_records import State
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.sql import SqlTrackerStore

EXAMPLES = int(os.environ.get("SHOPTALK_EXAMPLES", "150"))


def run(machine, examples: int = EXAMPLES) -> None:
    checks = list(HealthCheck)
    chosen = settings(
        max_examples=examples, deadline=None, stateful_step_count=25, suppress_health_check=checks
    )
    try:
        run_state_machine_as_test(machine, settings=chosen)
    finally:
        machine.close()


def test_memory_store() -> None:
    now = [1_000_000.0]

    async def expire(store: MemoryTrackerStore, senders: list[str]) -> None:
        now[0] += store.options.lease_ms / 1000

    run(conformance_machine(lambda options: MemoryTrackerStore(options, lambda: now[0]), expire))


@pytest.mark.timeout(300)
def test_redis_store(redis_store: Callable[[StoreOptions], RedisTrackerStore]) -> None:
    async def expire(store: RedisTrackerStore, senders: list[str]) -> None:
        for sender in senders:
            await store.link.command("HSET", store.keys.own(sender, "meta"), "until", 1)

    run(conformance_machine(redis_store, expire))


def test_sqlite_store(sqlite_store: Callable[[StoreOptions], SqlTrackerStore]) -> None:
    run(conformance_machine(sqlite_store, _expire_sql), EXAMPLES // 10)


def test_postgresql_store(postgres_store: Callable[[StoreOptions], SqlTrackerStore]) -> None:
    run(conformance_machine(postgres_store, _expire_sql), EXAMPLES // 10)


def test_mongodb_store(mongo_store: Callable[[StoreOptions], DocumentTrackerStore]) -> None:
    run(conformance_machine(mongo_store, _expire_documents), EXAMPLES // 10)


def test_dynamodb_store(dynamo_store: Callable[[StoreOptions], DocumentTrackerStore]) -> None:
    run(conformance_machine(dynamo_store, _expire_documents), EXAMPLES // 30)


async def _expire_documents(store: DocumentTrackerStore, senders: list[str]) -> None:
    async def edit(state: State, now: int) -> None:
        state.until_ms = 1

    for sender in senders:
        await store.records.change(sender, edit)


async def _expire_sql(store: SqlTrackerStore, senders: list[str]) -> None:
    async with store.link.transaction() as connection:
        await connection.execute(text("UPDATE shoptalk_conversations SET lease_until_ms = 1"))
