"""Workers as real processes, and clients that retry the same message until they have its reply."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faultkit.history import Send
from shoptalk.stores.redis_link import RedisAddress

ROOT = Path(__file__).resolve().parents[3]


class Workers:
    """Some worker processes over one store; those that die are started again."""

    def __init__(self, address: RedisAddress, folder: Path, count: int, lease_ms: int) -> None:
        known = dataclasses.asdict(address)
        self.address = {key: value for key, value in known.items() if key != "password"}
        self.folder, self.lease_ms = folder, lease_ms
        self.names = [f"worker{number}" for number in range(count)]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths = 0
        ledger = sqlite3.connect(folder / "effects.db")
        ledger.execute("PRAGMA journal_mode=WAL")
        ledger.execute("CREATE TABLE IF NOT EXISTS effects (key TEXT PRIMARY KEY, message_id TEXT)")
        ledger.close()

    def start(self, name: str) -> None:
        """Start one worker."""
        command = [sys.executable, "-m", "faultkit.worker", json.dumps(self.address), str(self.folder),
                   str(self.lease_ms), name]  # fmt: skip
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "faults")])
        self.processes[name] = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})

    async def supervise(self) -> None:
        """Keep all workers running, until cancelled."""
        while True:
            for name in self.names:
                process = self.processes.get(name)
                if process is None or process.poll() is not None:
                    self.deaths += process is not None
                    self.start(name)
            await asyncio.sleep(0.05)

    def effects(self) -> list[str]:
        """Message ids of all effects of actions."""
        ledger = sqlite3.connect(self.folder / "effects.db")
        found = [row[0] for row in ledger.execute("SELECT message_id FROM effects")]
        ledger.close()
        return found

    def stop(self) -> None:
        """End all workers."""
        for process in self.processes.values():
            process.kill()
            process.wait()


async def send(
    workers: Workers, sender: str, message_id: str, body: dict[str, Any], limit_s: float = 60.0
) -> Send:
    """Send a message to some worker, again and again with the same id, until its reply is here."""
    called = time.monotonic()
    accepted: float | None = None
    while time.monotonic() - called < limit_s:
        path = workers.folder / f"{random.choice(workers.names)}.sock"
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        try:
            asked = {"sender_id": sender, "message_id": message_id, "body": body}
            writer.write(json.dumps(asked).encode() + b"\n")
            answers: list[Any] = []
            while line := await reader.readline():
                answer = json.loads(line) if line.endswith(b"\n") else {}
                accepted = accepted or answer.get("accepted")
                answers += [answer["replies"]] if "replies" in answer else []
                if "replies" in answer or "error" in answer or not answer:
                    break
            if answers:
                return Send(sender, message_id, called, accepted, time.monotonic(), answers)
        except OSError:
            pass
        finally:
            writer.close()
        await asyncio.sleep(random.random() * 0.03)
    return Send(sender, message_id, called, accepted, None)


async def repeat(workers: Workers, sends: Sequence[Send]) -> list[Send]:
    """Ask again for the replies of everything sent; a right store gives the very same ones."""
    again = [await send(workers, done.sender_id, done.message_id, {"text": "again"}, 10.0) for done in sends]
    return [
        dataclasses.replace(done, replies=[*done.replies, *more.replies])
        for done, more in zip(sends, again, strict=True)
    ]
