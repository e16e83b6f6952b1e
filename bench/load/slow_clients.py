"""S14: thousands of sockets that send a byte a second, and what other people notice of them.

    python -m bench.load.slow_clients --project FOLDER [--sockets 9500] [--seconds 40]

Half of the sockets dribble the head of a request, half the body; each is replaced a second after the server ends it. Others
send whole messages meanwhile, one after the other; their waiting times are compared with those before, as is the
server's memory. The server has a core for itself; the slow ones are one cheap process that shares the other core with the
others and the store. Needs `ulimit -n` above the number of sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import heapq
import json
import multiprocessing
import os
import resource
import select
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from bench.load.run import MOOD, Caller, free_port, shoptalk

PATH = "/webhooks/rest/webhook"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 6000\r\n\r\n".encode()
DRIBBLED = HEAD[:60] + b"X: " + b"a" * 10**4
SPREAD = 50
"""Parts of a second over which the sockets' bytes are spread."""


async def others(port: int, seconds: float, senders: int = 4) -> tuple[list[float], int]:
    """Waiting times of people who send messages, one after the other with pauses, over new connections; and failures."""
    stop, waits, failed = time.monotonic() + seconds, list[float](), list[int]()

    async def talk(number: int) -> None:
        said = 0
        while time.monotonic() < stop:
            caller, begin = Caller(port), time.perf_counter()
            body = {"sender": f"other-{number}-{said // 10}", "message": MOOD[said % len(MOOD)]}
            status, _ = await caller.post(PATH, body)
            waits.append(time.perf_counter() - begin)
            if status != 200:
                failed.append(status)
            caller.close()
            said += 1
            await asyncio.sleep(0.1)

    await asyncio.gather(*(talk(number) for number in range(senders)))
    return waits, len(failed)


@dataclass(slots=True)
class Slow:
    """Sockets that dribble, without an event loop, so that they cost next to nothing themselves."""

    port: int
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    due: list[tuple[float, int]] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    poll: Any = None

    def run(self, count: int, stop: Connection) -> None:
        """Dribble until told to stop; tells then how connections ended, how many are open, and its processor time."""
        self.poll = select.epoll()
        self.due = [(time.monotonic() + number / 3000, number) for number in range(count)]
        part = 0
        while not stop.poll(0):
            begin = time.monotonic()
            while self.due and self.due[0][0] <= begin:
                self._open(heapq.heappop(self.due)[1])
            for number in range(part, count, SPREAD):
                self._say(number)
            self._hear()
            part = (part + 1) % SPREAD
            time.sleep(max(0.0, begin + 1 / SPREAD - time.monotonic()))
        stop.send({"open": len(self.sockets), "ended": dict(self.ended), "cpu_s": time.process_time()})

    def _open(self, number: int) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(("127.0.0.1", self.port))
        self.sockets[number], self.sent[number] = connection, 0
        self.numbers[connection.fileno()] = number
        self.poll.register(connection.fileno(), select.EPOLLIN | select.EPOLLHUP)

    def _say(self, number: int) -> None:
        if (connection := self.sockets.get(number)) is None:
            return
        at = self.sent[number]
        try:
            connection.send(DRIBBLED[at : at + 1] if at or number % 2 else HEAD)
            self.sent[number] = at + 1
        except BlockingIOError:
            pass  # not connected yet
        except OSError as error:
            self._close(number, type(error).__name__)

    def _hear(self) -> None:
        for fileno, _ in self.poll.poll(0):
            number = self.numbers[fileno]
            try:
                said = self.sockets[number].recv(4096)[9:12].decode() or "closed"
            except OSError as error:
                said = type(error).__name__
            self._close(number, said)

    def _close(self, number: int, how: str) -> None:
        connection = self.sockets.pop(number)
        self.poll.unregister(connection.fileno())
        del self.numbers[connection.fileno()]
        connection.close()
        self.ended[how] += 1
        heapq.heappush(self.due, (time.monotonic() + 1, number))


@contextlib.contextmanager
def attacked(port: int, count: int, told: dict[str, Any]) -> Iterator[None]:
    """Dribble from another process while the block runs; `told` says then how it went."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=Slow(port).run, args=(count, there))
    process.start()
    try:
        yield
        here.send(True)
        told.update(here.recv())
    finally:
        process.terminate()
        process.join()


def attack(port: int, sockets: int, seconds: float, pid: int) -> dict[str, object]:
    """Measure without, then with the slow ones."""
    server, told = psutil.Process(pid), dict[str, Any]()
    apart(server)
    asyncio.run(others(port, 3))
    calm = asyncio.run(others(port, seconds / 2))
    before = server.memory_info().rss
    with attacked(port, sockets, told):
        time.sleep(15)  # all are there, and the first have been sent away
        used, begin = sum(server.cpu_times()[:2]), time.monotonic()
        waits = asyncio.run(others(port, seconds))
        busy = (sum(server.cpu_times()[:2]) - used) / (time.monotonic() - begin)
        memory = server.memory_info().rss - before
    return {
        "sockets": sockets,
        "calm": summary(*calm),
        "with": summary(*waits),
        "memory_mb": memory / 1e6,
        "server_cores": busy,
        "slow": told,
    }


def apart(server: psutil.Process) -> None:
    """Give the server a core, and everything else here the others."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        server.cpu_affinity(cores[:1])
        for process in (psutil.Process(), *server.children(recursive=True)):
            process.cpu_affinity(cores[1:])


def summary(waits: list[float], failed: int) -> dict[str, float]:
    """Waiting times in milliseconds."""
    cuts = statistics.quantiles(waits, n=100)
    return {
        "messages": len(waits),
        "failed": failed,
        "p50_ms": cuts[49] * 1e3,
        "p99_ms": cuts[98] * 1e3,
        "max_ms": max(waits) * 1e3,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--sockets", type=int, default=9_500)
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with shoptalk(1, Path(folder), port, options.project) as pid:
            print(json.dumps(attack(port, options.sockets, options.seconds, pid), indent=1))


if __name__ == "__main__":
    main()
