"""One real Valkey server for the store tests of a session, and stores on it that share nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shoptalk.stores.base import StoreOptions
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore

pytest.register_assert_rewrite("shoptalk.stores.conformance", "shoptalk.stores.conformance_machine")

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
