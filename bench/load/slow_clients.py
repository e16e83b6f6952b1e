"""S14: thousands of sockets that send a byte a second, and what other people notice of them.

    python -m bench.load.slow_clients --project FOLDER [--sockets 10000] [--seconds 40]

Half of the sockets dribble the head of a request, half the body. Others send whole messages meanwhile, one after the
other; their waiting times are compared with those before, as is the server's memory. Needs `ulimit -n` above the number
of sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from bench.load.run import MOOD, Caller, free_port, shoptalk

PATH = "/webhooks/rest/webhook"
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 6000\r\n\r\n".encode()


async def others(port: int, seconds: float, senders: int = 4) -> list[float]:
    """Waiting times of people who send messages, one after the other with pauses, over new connections."""
    stop, waits = time.monotonic() + seconds, list[float]()

    async def talk(number: int) -> None:
        said = 0
        while time.monotonic() < stop:
            caller, begin = Caller(port), time.perf_counter()
            body = {"sender": f"other-{number}-{said // 10}", "message": MOOD[said % len(MOOD)]}
            status, _ = await caller.post(PATH, body)
            assert status == 200, status
            waits.append(time.perf_counter() - begin)
            caller.close()
            said += 1
            await asyncio.sleep(0.1)

    await asyncio.gather(*(talk(number) for number in range(senders)))
    return waits


class Slow:
    """Sockets that dribble, each replaced when the server ends it."""

    def __init__(self, port: int) -> None:
        self.port, self.open, self.ended = port, 0, Counter[str]()

    async def dribble(self, number: int) -> None:
        """Open a connection and send a byte a second, for ever."""
        content = b"" if number % 2 else HEAD
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                self.ended[type(error).__name__] += 1
                await asyncio.sleep(1)
                continue
            self.open += 1
            writer.write(content)
            answer = asyncio.ensure_future(reader.read(12))
            text = HEAD[:60] + b"X: " + b"a" * 10**4
            for byte in text:
                await asyncio.wait([answer], timeout=1)
                if answer.done():
                    break
                writer.write(bytes([byte]))
            self.open -= 1
            said = b"" if answer.exception() else answer.result()
            self.ended[said[9:12].decode() or "closed"] += 1
            writer.close()
            await asyncio.sleep(1)


async def attack(port: int, sockets: int, seconds: float, pid: int) -> dict[str, object]:
    """Measure without, then with the slow ones."""
    server = psutil.Process(pid)
    await others(port, 3)
    calm = await others(port, seconds / 2)
    before = server.memory_info().rss
    slow = Slow(port)
    tasks = []
    for number in range(sockets):
        tasks.append(asyncio.create_task(slow.dribble(number)))
        if number % 200 == 199:
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    waits = await others(port, seconds)
    row = {
        "sockets": sockets,
        "open": slow.open,
        "calm": summary(calm),
        "with": summary(waits),
        "memory_mb": (server.memory_info().rss - before) / 1e6,
        "ended": dict(slow.ended),
    }
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return row


def summary(waits: list[float]) -> dict[str, float]:
    """Waiting times in milliseconds."""
    cuts = statistics.quantiles(waits, n=100)
    return {
        "messages": len(waits),
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
    parser.add_argument("--sockets", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with shoptalk(1, Path(folder), port, options.project) as pid:
            print(json.dumps(asyncio.run(attack(port, options.sockets, options.seconds, pid)), indent=1))


if __name__ == "__main__":
    main()
