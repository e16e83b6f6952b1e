import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoptalk.stores.checkup import Trouble, _of_clock, checkup
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.stores.redis import RedisTrackerStore


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def looked_at(valkey: EmbeddedValkey, *settings: tuple[str, ...]) -> list[Trouble]:
    async def run() -> list[Trouble]:
        store = RedisTrackerStore(valkey.address)
        for setting in settings:
            await store.link.command(*setting)
        try:
            return await checkup(store)
        finally:
            await store.close()

    return asyncio.run(run())


def test_our_own_server_is_as_it_should_be(valkey: EmbeddedValkey) -> None:
    assert looked_at(valkey) == []


@pytest.mark.parametrize(
    ("spoil", "mend", "what"),
    [
        ([("CONFIG SET", "appendonly", "no")], [("CONFIG SET", "appendonly", "yes")], "appendonly no"),
        (
            [("CONFIG SET", "maxmemory-policy", "allkeys-lru"), ("CONFIG SET", "maxmemory", "100000000")],
            [("CONFIG SET", "maxmemory-policy", "noeviction"), ("CONFIG SET", "maxmemory", "0")],
            "throws conversations away",
        ),
        (
            [("CONFIG SET", "maxmemory", "1000")],
            [("CONFIG SET", "maxmemory", "0")],
            "nearly full",
        ),
        ([("REPLICAOF", "127.0.0.1", "9")], [("REPLICAOF", "NO", "ONE")], "replica"),
    ],
)
def test_what_breaks_promises_is_found(valkey: EmbeddedValkey, spoil: Any, mend: Any, what: str) -> None:
    found = looked_at(valkey, *spoil)
    looked_at(valkey, *mend)
    assert any(what in trouble.what for trouble in found), found
    assert all(trouble.do for trouble in found)


def test_clocks_far_apart_are_remarked() -> None:
    assert list(_of_clock(0.5)) == []
    assert "-60 s" in next(iter(_of_clock(-60.0))).what


def test_other_stores_have_nothing_to_look_at(tmp_path: Path) -> None:
    assert asyncio.run(checkup(MemoryTrackerStore())) == []
