"""A worker process for fault tests: serves messages over a line protocol, and dies where it is told to.

    python worker.py '<RedisAddress as JSON>' <folder> <lease_ms> <name>

Each line in is a message `{"sender_id", "message_id", "body"}`; each line out `{"accepted": t}`,
`{"replies": [...]}` or `{"error": code}`. `body.die_at` names a point of the turn at which the process
kills itself, once per message; `body.sleep_s` is how long the action takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from faultkit.serving import serve, serve_stalled
from shoptalk.errors import StoreError
from shoptalk.stores.base import StoredMessage, StoreOptions, Turn
from shoptalk.stores.redis import RedisTrackerStore
from shoptalk.stores.redis_link import RedisAddress

POINTS = (
    "before_accept", "after_accept", "after_begin", "in_nlu", "before_action", "in_action", "after_action",
    "before_commit", "in_commit", "after_commit", "before_reply", "in_reply",
)  # fmt: skip


class Worker:
    """Serves turns as a small assistant would: parse, act once per idempotency key, commit, reply."""

    def __init__(self, store: RedisTrackerStore, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.ledger = sqlite3.connect(folder / "effects.db", timeout=10, isolation_level=None)

    def maybe_die(self, body: dict[str, Any], message_id: str, point: str) -> None:
        """Kill this process if the message says so and nobody died of it before."""
        if body.get("die_at") == point:
            try:
                (self.folder / f"died-{message_id}").touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)

    async def handle(self, turn: Turn) -> list[dict[str, Any]]:
        """One turn."""
        entered = time.monotonic()
        message, body = turn.message, dict(turn.message.body)
        self.maybe_die(body, message.message_id, "after_begin")
        await asyncio.sleep(body.get("sleep_s", 0.0) / 2)
        self.maybe_die(body, message.message_id, "in_nlu")
        self.maybe_die(body, message.message_id, "before_action")
        key = f"{message.sender_id}:{message.message_id}:1"
        self.ledger.execute("BEGIN IMMEDIATE")
        self.ledger.execute("INSERT OR IGNORE INTO effects VALUES (?, ?)", (key, message.message_id))
        self.maybe_die(body, message.message_id, "in_action")
        self.ledger.execute("COMMIT")
        self.maybe_die(body, message.message_id, "after_action")
        await asyncio.sleep(body.get("sleep_s", 0.0) / 2)
        nonce = uuid.uuid4().hex
        self.maybe_die(body, message.message_id, "before_commit")
        metadata = {"turn": nonce, "entered": entered, "left": time.monotonic(), "pid": os.getpid()}
        events = [
            {"event": "user", "message_id": message.message_id, "metadata": metadata},
            {"event": "bot", "text": message.message_id},
        ]
        replies = [{"message_id": message.message_id, "turn": nonce}]
        if body.get("die_at") == "in_commit":
            committing = asyncio.create_task(turn.commit(events, replies))
            await asyncio.sleep(0.0002)
            self.maybe_die(body, message.message_id, "in_commit")
            await committing
        else:
            await turn.commit(events, replies)
        self.maybe_die(body, message.message_id, "after_commit")
        return replies

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client connection."""
        while line := await reader.readline():
            asked = json.loads(line)
            body = asked["body"]
            try:
                self.maybe_die(body, asked["message_id"], "before_accept")
                message = StoredMessage("rest", asked["sender_id"], asked["message_id"], body)
                await self.store.accept(message)
                self.maybe_die(body, asked["message_id"], "after_accept")
                self._say(writer, {"accepted": time.monotonic()})
                replies = await serve(self.store, message, self.handle, 20.0)
                self.maybe_die(body, asked["message_id"], "before_reply")
                writer.write(b'{"replies": ') if body.get("die_at") == "in_reply" else None
                self.maybe_die(body, asked["message_id"], "in_reply")
                self._say(writer, {"replies": replies} if body.get("die_at") != "in_reply" else replies, body)
            except StoreError as error:
                self._say(writer, {"error": error.code})
            await writer.drain()
        writer.close()

    def _say(self, writer: asyncio.StreamWriter, answer: Any, body: dict[str, Any] | None = None) -> None:
        tail = b"}\n" if body is not None and body.get("die_at") == "in_reply" else b"\n"
        writer.write(json.dumps(answer).encode() + tail)


async def run(address: dict[str, Any], folder: Path, lease_ms: int, name: str) -> None:
    """Listen on a Unix socket `<folder>/<name>.sock`; serve abandoned messages once a second."""
    store = RedisTrackerStore(RedisAddress(**address), None, StoreOptions(lease_ms=lease_ms))
    worker = Worker(store, folder)
    path = folder / f"{name}.sock"
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(worker.answer, path)
    async with server:
        while True:
            await asyncio.sleep(1.0 + random.random() / 4)
            try:
                await serve_stalled(store, worker.handle)
            except StoreError:
                continue


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
