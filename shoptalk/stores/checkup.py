"""Whether a Valkey or Redis is set up so that the promises about conversations hold; for `shoptalk doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shoptalk.stores.base import TrackerStore
from shoptalk.stores.legacy import AdoptingStore
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress

OLDEST = (7, 0)
CLOCK_S = 5.0
"""Leases and reminders go by the server's clock, timestamps of events by ours."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that will hurt.

    Args:
        is_bad: conversations can be lost or not be written; otherwise it is only odd.
        what: is so.
        do: against it.
    """

    is_bad: bool
    what: str
    do: str


async def checkup(store: TrackerStore) -> list[Trouble]:
    """What is wrong with the server of a store; nothing for stores of other kinds and for clusters.

    Raises:
        StoreError: it does not answer, or refuses us.
    """
    inner = store.inner if isinstance(store, AdoptingStore) else store
    if not isinstance(inner, RedisTrackerStore):
        return []
    asked = time.time()
    told = await inner.link.command("INFO")
    if not isinstance(told, Mapping) or "role" not in told:
        return []
    seconds, micros = await inner.link.command("TIME")
    away = float(seconds) + float(micros) / 1e6 - (asked + time.time()) / 2
    return [*_of_info(told), *_of_clock(away), *_of_failover(inner.link.address)]


def _of_info(told: Mapping[str, Any]) -> Iterator[Trouble]:
    version = str(told.get("valkey_version") or told.get("redis_version") or "0")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        yield Trouble(True, f"The server is of version {version}.", "Use Valkey, or Redis 7 or newer.")
    if told["role"] != "master":
        yield Trouble(
            True, "The server is a replica; nothing can be written.", "Name the primary, or the Sentinels."
        )
    if not int(told.get("aof_enabled", 0)):
        yield Trouble(
            True,
            "The server does not log what it writes (appendonly no): a crash loses conversations.",
            "Set `appendonly yes`, and `appendfsync always` if not even a second may be lost.",
        )
    if told.get("aof_last_write_status", "ok") != "ok" or told.get("rdb_last_bgsave_status", "ok") != "ok":
        yield Trouble(
            True, "The server cannot write to its disk.", "Is the disk full, or the folder not its own?"
        )
    policy = str(told.get("maxmemory_policy", "noeviction"))
    if int(told.get("maxmemory", 0)) and policy != "noeviction":
        yield Trouble(
            True,
            f"The server throws conversations away when its memory is full (maxmemory-policy {policy}).",
            "Set `maxmemory-policy noeviction`, and `record_exp` of the store to drop old ones.",
        )
    if (most := int(told.get("maxmemory", 0))) and int(told.get("used_memory", 0)) > 0.9 * most:
        yield Trouble(False, "The server's memory is nearly full.", "Raise `maxmemory`, or set `record_exp`.")


def _of_failover(address: RedisAddress) -> Iterator[Trouble]:
    if address.sentinels and not address.replicas:
        yield Trouble(
            False,
            "A failover may lose the last turns: they are answered before a replica has them.",
            "Set `replicas: 1` of `tracker_store:`; turns are then refused while there is no replica.",
        )


def _of_clock(away_s: float) -> Iterator[Trouble]:
    if abs(away_s) > CLOCK_S:
        yield Trouble(
            False,
            f"The server's clock is {away_s:+.0f} s away from this machine's.",
            "Let both follow a time server.",
        )
