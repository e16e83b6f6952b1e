"""The Redis store on a real cluster of three Valkey nodes, and the whole contract on it."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shoptalk.errors import Unavailable
from shoptalk.stores.base import StoredMessage, StoreOptions
from shoptalk.stores.conformance import CHECKS, Check, run_check
from shoptalk.stores.embedded import EmbeddedValkey
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress, RedisLink

pytestmark = pytest.mark.slow

_prefixes = itertools.count()
SLOTS = 16384


async def join(nodes: list[EmbeddedValkey], bus_ports: list[int]) -> None:
    """Give each node its slots and make them know each other."""
    links = [RedisLink(node.address) for node in nodes]
    share = SLOTS // len(nodes)
    for number, link in enumerate(links):
        last = SLOTS - 1 if number == len(nodes) - 1 else (number + 1) * share - 1
        await link.command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        await link.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for node, bus_port in zip(nodes[1:], bus_ports[1:], strict=True):
        await links[0].command("CLUSTER", "MEET", "127.0.0.1", node.address.port, bus_port)
    async with asyncio.timeout(30):
        for link in links:
            while await state(link) != ("ok", str(SLOTS)):
                await asyncio.sleep(0.1)
    for link in links:
        await link.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def state(link: RedisLink) -> tuple[str, str]:
    lines = (await link.command("CLUSTER", "INFO")).decode().split()
    known = dict(line.split(":", 1) for line in lines)
    return known["cluster_state"], known["cluster_slots_ok"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[EmbeddedValkey]]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    settings = [
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "2000",
        "--cluster-require-full-coverage",
        "no",
    ]
    bus_ports = [free_port() for _ in range(3)]
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                EmbeddedValkey(
                    folder / str(n),
                    port=0,
                    settings=[*settings, "--cluster-port", str(bus_ports[n])],
                    appendfsync="no",
                )
            )
            for n in range(3)
        ]
        asyncio.run(join(nodes, bus_ports))
        yield nodes


def address(cluster: list[EmbeddedValkey]) -> RedisAddress:
    return dataclasses.replace(cluster[0].address, cluster=True)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds(check: Check, cluster: list[EmbeddedValkey]) -> None:
    prefix = f"test{next(_prefixes)}"
    run_check(check, lambda options: RedisTrackerStore(address(cluster), prefix, options))


def test_senders_spread_over_the_nodes(cluster: list[EmbeddedValkey]) -> None:
    async def run() -> list[int]:
        store = RedisTrackerStore(address(cluster), "spread")

        async def one(number: int) -> None:
            sender = f"sender-{number}"
            await store.accept(StoredMessage("rest", sender, "m", {}))
            turn = await store.begin_turn(sender)
            await turn.commit([{"event": "user"}], [{"text": "hi"}], {"n": number})

        await asyncio.gather(*(one(number) for number in range(300)))
        found, cursor = await store.senders(1000)
        assert cursor == ""
        assert len(found) == 300
        await store.close()
        sizes = []
        for node in cluster:
            link = RedisLink(node.address)
            sizes.append(await link.command("DBSIZE"))
            await link.close()
        return sizes

    sizes = asyncio.run(run())
    print(f"\ncluster: keys by node {sizes}")
    assert min(sizes) > sum(sizes) / 6


def test_a_dead_node_takes_only_its_senders_away(cluster: list[EmbeddedValkey]) -> None:
    async def run() -> tuple[int, int]:
        store = RedisTrackerStore(address(cluster), "dead", StoreOptions())
        await store.append("warm-up", [{"event": "x"}])
        await asyncio.to_thread(cluster[2].kill)
        served = away = 0
        for number in range(30):
            try:
                async with asyncio.timeout(2.0):
                    await store.append(f"sender-{number}", [{"event": "x"}])
                served += 1
            except Unavailable:
                away += 1
        await asyncio.to_thread(cluster[2].start)
        async with asyncio.timeout(30):
            for number in range(30):
                while True:
                    try:
                        await store.append(f"again-{number}", [{"event": "x"}])
                        break
                    except Unavailable:
                        await asyncio.sleep(0.2)
        await store.close()
        return served, away

    served, away = asyncio.run(run())
    print(
        f"\ncluster: with one of three nodes dead {served} served, {away} unavailable; all served after its return"
    )
    assert served >= 10
    assert away >= 3
