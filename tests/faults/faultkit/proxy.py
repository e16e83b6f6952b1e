"""A TCP proxy that delays, cuts and swallows, for tests of a store behind a bad network."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self


class Proxy:
    """Passes bytes between a loopback port and a server; `mode` may change at any time.

    Modes: "pass"; "slow" (each piece `delay_s` late); "swallow" (nothing comes back any more);
    "reset" (connections are cut, new ones too); "refuse" (nobody listens).
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.mode, self.delay_s, self.port = "pass", 0.2, 0
        self.bytes_up = self.bytes_down = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def switch(self, mode: str) -> None:
        """Change the mode, for connections that exist as well."""
        self.mode = mode
        if mode in ("reset", "refuse"):
            await self._close() if mode == "refuse" else self._cut()
        elif self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "reset":
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, up_writer}
        tasks = {
            asyncio.create_task(self._pump(reader, up_writer, up=True)),
            asyncio.create_task(self._pump(up_reader, writer, up=False)),
        }
        self._tasks |= tasks
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks -= tasks
        for one in (writer, up_writer):
            self._writers.discard(one)
            one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if self.mode == "slow":
                    await asyncio.sleep(self.delay_s)
                if self.mode == "swallow" and not up:
                    continue
                self.bytes_up += len(piece) if up else 0
                self.bytes_down += 0 if up else len(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()
