"""R6: a thousand senders for half an hour; is everyone answered, and does memory stay what it was?

    python -m bench.load.soak --project FOLDER [--senders 1000] [--minutes 30] [--think 6] [--warm-up 5] [--json FILE]

Every other sender talks over Socket.IO's websocket, the rest over REST. Each says something, waits for the reply, thinks for
`--think` seconds (at random between none and twice that; 0: none), and says the next. After 10 turns a new sender comes,
over a new connection, so that whatever is kept of a sender piles up if it is kept too long. A turn without a reply
within 30 seconds is an error, as is any status but 200. The server's memory (without Valkey, which holds the conversations)
is read every half minute; the demand is that its mean over the last quarter is within 5 % of the one after warming up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.load.run import TURNS_A_SENDER, Caller, Served, cpu_s, family, free_port, shoptalk
from shoptalk.channels.socketio import BUSY, SORRY

EVERY_S = 30.0
PATIENCE_S = 30.0
# Each of these has one reply, of one message.
SAID = [
    "hi",
    "great",
    "bye",
    "are you a bot?",
    "goodbye",
    "are you human?",
    "see you",
    "am I talking to a bot?",
    "bye bye",
    "who are you?",
]


class Talk(Protocol):
    """One sender's conversation; `say` gives what is wrong with the answer, or nothing."""

    async def say(self, text: str) -> str: ...


class RestTalk:
    """A conversation over a kept connection of the REST channel."""

    def __init__(self, caller: Caller, sender: str) -> None:
        self.caller, self.sender = caller, sender

    async def say(self, text: str) -> str:
        body = {"sender": self.sender, "message": text}
        status, answer = await self.caller.post("/webhooks/rest/webhook", body)
        if status != 200:
            return f"{status} {answer[:100]!r}"
        return "" if json.loads(answer) else "no words"


class SocketTalk:
    """A conversation over Socket.IO, in its own words: `40` joins, `42` carries an event, `2` wants a `3`."""

    def __init__(self, socket: ClientConnection, sender: str) -> None:
        self.socket, self.sender = socket, sender

    async def join(self) -> None:
        """Open the session."""
        await self.socket.recv()
        await self.socket.send("40")
        await self.socket.recv()
        await self.emit("session_request", {"session_id": self.sender})
        await self.hear("session_confirm")

    async def say(self, text: str) -> str:
        await self.emit("user_uttered", {"message": text, "session_id": self.sender})
        reply = await self.hear("bot_uttered")
        return str(reply) if reply.get("text") in (None, BUSY, SORRY) else ""

    async def emit(self, event: str, data: dict[str, str]) -> None:
        await self.socket.send("42" + json.dumps([event, data]))

    async def hear(self, event: str) -> Any:
        """What an event says, when it comes."""
        while True:
            told = str(await self.socket.recv())
            if told == "2":
                await self.socket.send("3")
            elif told.startswith("42"):
                name, data = json.loads(told[2:])
                if name == event:
                    return data


@asynccontextmanager
async def talking(port: int, sender: str, is_socket: bool) -> AsyncIterator[Talk]:
    """A conversation over a connection of its own."""
    if is_socket:
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        async with connect(url, open_timeout=PATIENCE_S, compression=None, ping_interval=None) as socket:
            talk = SocketTalk(socket, sender)
            await talk.join()
            yield talk
    else:
        caller = Caller(port)
        yield RestTalk(caller, sender)
        caller.close()


async def visit(port: int, number: int, stop: float, think_s: float, served: Served) -> None:
    """One visitor after the other, until it is time to stop."""
    visitor = 0
    await asyncio.sleep(random.uniform(0, think_s))
    while time.monotonic() < stop:
        visitor += 1
        try:
            async with talking(port, f"soak-{number}-{visitor}", bool(number % 2)) as talk:
                for turn in range(TURNS_A_SENDER):
                    begin = time.monotonic()
                    async with asyncio.timeout(PATIENCE_S):
                        wrong = await talk.say(SAID[turn % len(SAID)])
                    served.waits.append(time.monotonic() - begin)
                    if wrong:
                        served.failures[wrong] += 1
                    await asyncio.sleep(random.uniform(0, 2 * think_s))
                    if time.monotonic() >= stop:
                        break
        except (OSError, EOFError, TimeoutError, WebSocketException) as error:
            served.failures[f"{'socket' if number % 2 else 'rest'}: {type(error).__name__}"] += 1


async def watch(pid: int, rows: list[dict[str, float]], served: Served) -> None:
    """Read memory until cancelled."""
    begin = time.monotonic()
    while True:
        await asyncio.sleep(EVERY_S)
        mine = [(process.name(), process.memory_info().rss / 1e6) for process in family(pid)]
        rows.append(
            {
                "minute": (time.monotonic() - begin) / 60,
                "server_mb": sum(size for name, size in mine if "valkey" not in name),
                "valkey_mb": sum(size for name, size in mine if "valkey" in name),
                "threads": float(psutil.Process(pid).num_threads()),
                "files": float(psutil.Process(pid).num_fds()),
                "turns": float(len(served.waits)),
                "failed": float(sum(served.failures.values())),
                "machine_load": os.getloadavg()[0],
            }
        )
        print(json.dumps(rows[-1]), flush=True)


async def soak(port: int, pid: int, options: argparse.Namespace, rows: list[dict[str, float]]) -> Served:
    """Talk and watch."""
    served = Served("soak", failures=Counter())
    watching = asyncio.create_task(watch(pid, rows, served))
    processes, begin = family(pid), time.monotonic()
    before, stop = cpu_s(processes), begin + options.minutes * 60
    visits = (visit(port, number, stop, options.think, served) for number in range(options.senders))
    await asyncio.gather(*visits)
    served.seconds, served.cpu_s = time.monotonic() - begin, cpu_s(processes) - before
    served.machine_load = os.getloadavg()[0]
    watching.cancel()
    return served


def summary(served: Served, rows: list[dict[str, float]], warm_up: float) -> dict[str, Any]:
    """The figures, memory after warming up and at the end."""
    warm = [row["server_mb"] for row in rows if row["minute"] >= warm_up] or [0.0]
    first, last = statistics.mean(warm[:4]), statistics.mean(warm[-max(4, len(warm) // 4) :])
    return {
        **served.row(),
        "memory_mb": last,
        "first_mb": first,
        "growth": last / first - 1 if first else 0.0,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--senders", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--think", type=float, default=6.0)
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with shoptalk(1, Path(folder), port, options.project) as pid:
            served = asyncio.run(soak(port, pid, options, rows))
    found = summary(served, rows, options.warm_up)
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps({**found, "memory": rows}, indent=1))


if __name__ == "__main__":
    main()
