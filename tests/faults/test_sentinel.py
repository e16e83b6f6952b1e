"""Failover by real Sentinels in the middle of conversations: what was acknowledged is on the replica, or it was not acknowledged.

Replication is asynchronous; `replicas: 1` makes every step of a turn wait until the replica has it. With one replica, which is
then the next primary, nothing acknowledged can be lost; while there is none, turns are refused (503) and repeated.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from faultkit.clients import Workers, repeat, send
from faultkit.history import Send, check

from shoptalk.errors import Unavailable
from shoptalk.stores.base import StoredMessage
from shoptalk.stores.checkup import checkup
from shoptalk.stores.embedded import EmbeddedValkey, find_server
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress, RedisLink

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
SENTINEL = """
port {port}
dir {folder}
sentinel monitor shop 127.0.0.1 {primary} 2
sentinel down-after-milliseconds shop 500
sentinel failover-timeout shop 3000
"""


@dataclass(frozen=True)
class Servers:
    """A primary, its replica, and how clients find whichever is the primary now."""

    first: EmbeddedValkey
    second: EmbeddedValkey
    address: RedisAddress

    async def primary(self) -> int:
        """Port of the present primary, by the Sentinels."""
        link = RedisLink(RedisAddress(*self.address.sentinels[0]))
        _, port = await link.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")
        await link.close()
        return int(port)

    async def in_step(self) -> None:
        """Wait until a write reaches the replica, and the Sentinels know of it."""
        found = RedisLink(dataclasses.replace(self.address, replicas=0))
        watching = RedisLink(RedisAddress(*self.address.sentinels[0]))
        async with asyncio.timeout(60):
            while True:
                try:
                    _, reached = await found.commands([("SET", "probe", "1"), ("WAIT", 1, 100)])
                    known = await watching.command("SENTINEL", "REPLICAS", "shop")
                    if reached and known and await watching.command("SENTINEL", "CKQUORUM", "shop"):
                        break
                except Unavailable:
                    pass
                await asyncio.sleep(0.2)
        await found.close()
        await watching.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        first = stack.enter_context(EmbeddedValkey(tmp_path / "first", port=0, appendfsync="always"))
        follow = ["--replicaof", f"127.0.0.1 {first.address.port}"]
        second = stack.enter_context(
            EmbeddedValkey(tmp_path / "second", port=0, appendfsync="always", settings=follow)
        )
        ports = []
        for number in range(3):
            folder, port = tmp_path / f"sentinel{number}", free_port()
            folder.mkdir()
            file = folder / "sentinel.conf"
            file.write_text(SENTINEL.format(port=port, folder=folder, primary=first.address.port))
            process = subprocess.Popen([find_server(), str(file), "--sentinel"], stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            ports.append(("127.0.0.1", port))
        address = RedisAddress(sentinels=tuple(ports), sentinel_service="shop", replicas=1)
        yield Servers(first, second, address)


def test_what_the_replica_lacks_is_not_acknowledged(servers: Servers) -> None:
    """The replica is stopped: nothing new is taken, and no reply is told that only the primary has."""
    message, other = StoredMessage("rest", "a", "1", {}), StoredMessage("rest", "a", "2", {})

    async def run() -> None:
        await servers.in_step()
        sure = RedisTrackerStore(servers.address)
        hasty = RedisTrackerStore(dataclasses.replace(servers.address, replicas=0))
        await sure.accept(message)
        os.kill(servers.second.pid, signal.SIGSTOP)
        turn = await hasty.begin_turn("a")
        assert turn is not None
        await turn.commit([{"event": "user"}], [{"text": "only the primary has it"}])
        for asked in (message, other):
            with pytest.raises(Unavailable, match="NOREPLICAS 0 of 1 replicas have it"):
                await sure.accept(asked)
        os.kill(servers.second.pid, signal.SIGCONT)
        accepted = await sure.accept(message)
        assert not any("failover" in trouble.what for trouble in await checkup(sure))
        assert any("`replicas: 1`" in trouble.do for trouble in await checkup(hasty))
        assert accepted.replies == [{"text": "only the primary has it"}]
        await sure.close()
        await hasty.close()

    asyncio.run(run())


def test_failover_in_the_middle_of_conversations(servers: Servers, tmp_path: Path) -> None:
    """The primary is killed under load, and comes back as the replica: 0 lost, 0 doubled, in order."""
    (folder := tmp_path / "run").mkdir()
    workers = Workers(servers.address, folder, 2, lease_ms=1000)
    over = asyncio.Event()

    async def client(sender: int) -> list[Send]:
        mine: list[Send] = []
        while not over.is_set():
            name = f"m{sender}-{len(mine)}"
            mine.append(await send(workers, f"sender-{sender}", name, {"sleep_s": 0.01}))
        return mine

    async def fail() -> float:
        """Kill the primary; gives the seconds until another one takes writes and has a replica again."""
        await asyncio.sleep(2)
        killed = time.monotonic()
        await asyncio.to_thread(servers.first.kill)
        while await servers.primary() != servers.second.address.port:
            await asyncio.sleep(0.1)
        await asyncio.to_thread(servers.first.start)
        await servers.in_step()
        back = time.monotonic() - killed
        await asyncio.sleep(2)
        over.set()
        return back

    async def run() -> tuple[list[Send], dict[str, list[dict]], float]:
        await servers.in_step()
        supervisor = asyncio.create_task(workers.supervise())
        failing = asyncio.create_task(fail())
        sends = [s for mine in await asyncio.gather(*(client(n) for n in range(8))) for s in mine]
        sends = await repeat(workers, sends)
        supervisor.cancel()
        store = RedisTrackerStore(servers.address)
        found = {s.sender_id: await store.load(s.sender_id, full=True) for s in sends}
        await store.close()
        return sends, {sender: each.events if each else [] for sender, each in found.items()}, await failing

    try:
        sends, trackers, back = asyncio.run(run())
    finally:
        workers.stop()
    verdict = check(sends, trackers, workers.effects())
    worst = max(s.replied - s.called for s in sends if s.replied is not None)
    print(f"\nSentinel: {verdict}\n  a replica again after {back:.1f} s, worst wait {worst:.1f} s")
    assert all(s.replied is not None for s in sends)
    assert verdict.good, str(verdict)
    assert verdict.kept == len(sends) > 100
