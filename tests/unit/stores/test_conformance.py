"""Every store we ship keeps the whole contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shoptalk.stores.base import StoreOptions, TrackerStore
from shoptalk.stores.conformance import CHECKS, Check, run_check
from shoptalk.stores.documents import DocumentTrackerStore
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.sql import SqlTrackerStore

every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@every_check
def test_memory_store(check: Check) -> None:
    run_check(check, MemoryTrackerStore)


@every_check
def test_redis_store(check: Check, redis_store: Callable[[StoreOptions], RedisTrackerStore]) -> None:
    run_check(check, redis_store)


@every_check
def test_sqlite_store(check: Check, sqlite_store: Callable[[StoreOptions], SqlTrackerStore]) -> None:
    run_check(check, sqlite_store)


@every_check
def test_postgresql_store(check: Check, postgres_store: Callable[[StoreOptions], SqlTrackerStore]) -> None:
    run_check(check, postgres_store)


@every_check
def test_mongodb_store(check: Check, mongo_store: Callable[[StoreOptions], DocumentTrackerStore]) -> None:
    run_check(check, mongo_store)


@every_check
def test_dynamodb_store(check: Check, dynamo_store: Callable[[StoreOptions], DocumentTrackerStore]) -> None:
    run_check(check, dynamo_store)


def test_the_stores_are_of_the_public_kind(redis_store: Callable[[StoreOptions], RedisTrackerStore]) -> None:
    assert isinstance(MemoryTrackerStore(), TrackerStore)
    assert isinstance(redis_store(StoreOptions()), TrackerStore)
