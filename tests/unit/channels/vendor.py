"""A messenger's side of the wire: a real HTTP server that keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

REASONS = {200: "OK", 302: "Found", 401: "Unauthorized", 404: "Not Found", 429: "Too Many", 500: "Broken"}


@dataclass
class Seen:
    """One request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)


@dataclass
class Vendor:
    """The server; `answers` maps a path to JSON, `(status, JSON, headers)`, or a function of the request."""

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while header := (await reader.readline()).decode().strip():
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                parts = urlsplit(target)
                seen = Seen(method, unquote(parts.path), dict(parse_qsl(parts.query)), headers, body)
                self.seen.append(seen)
                writer.write(self._answer(seen))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, seen: Seen) -> bytes:
        found = self.answers.get(seen.path, {"ok": True})
        if callable(found):
            found = found(seen)
        status, content, headers = found if isinstance(found, tuple) else (200, found, {})
        data = json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode() + data

    async def wait_for(self, count: int, path: str | None = None, seconds: float = 5.0) -> list[Seen]:
        """The requests (to a path), once there are so many."""
        async with asyncio.timeout(seconds):
            while len(found := [s for s in self.seen if path is None or s.path == path]) < count:
                await asyncio.sleep(0.005)
        return found
