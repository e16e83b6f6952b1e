"""Connections of clients that are slow on purpose: a request's head must come soon, be small, and not crowd others out.

uvicorn waits for ever for the head of a request. Here it has seconds; and when all places are taken, the connection
that has asked for nothing the longest goes, so that ten thousand slow ones cost the others nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

logger = logging.getLogger(__name__)

SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


@dataclass(slots=True)
class Crowd:
    """The connections of a process.

    Args:
        head_s: seconds until the head of a request must be there.
        max_head: bytes it may have.
        most: connections at a time.
        grace_s: a connection has at least so long to say something, unless there are twice as many as may be.
        quiet: connections without a request under way, the longest so first, and since when.
        open: how many connections there are.
    """

    head_s: float = 10.0
    max_head: int = 64 << 10
    most: int = 4096
    grace_s: float = 1.0
    quiet: OrderedDict[BoundedProtocol, float] = field(default_factory=OrderedDict)
    open: int = 0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a bound on the time and size of heads; `bounded` makes one for a crowd."""

    crowd: ClassVar[Crowd]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.crowd.open += 1
        self._await_head()
        if self.crowd.open > self.crowd.most:
            longest, since = next(iter(self.crowd.quiet.items()))
            if self.loop.time() - since >= self.crowd.grace_s or self.crowd.open > 2 * self.crowd.most:
                longest._refuse(SLOW if longest._deadline is not None else b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.open -= 1
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._is_idle:
            self._await_head()
        if self._deadline is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._head_bytes > self.crowd.max_head:
            self._refuse(LARGE)

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_idle and not self.transport.is_closing():
            self.crowd.quiet[self] = self.loop.time()

    def handle_websocket_upgrade(self) -> None:
        self._head_came()
        self.crowd.open -= 1  # from here on it is another protocol's, with its own bounds
        super().handle_websocket_upgrade()

    @property
    def _is_idle(self) -> bool:
        """Whether what comes now begins another request."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(self.crowd.head_s, self._refuse, SLOW)
        self.crowd.quiet.setdefault(self, self.loop.time())

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.crowd.quiet.pop(self, None)

    def _refuse(self, answer: bytes) -> None:
        self._head_came()
        if not self.transport.is_closing():
            logger.debug("connection.ended %s", answer[9:12].decode())
            if answer:
                self.transport.write(answer)
            self.transport.close()


def bounded(crowd: Crowd) -> type[BoundedProtocol]:
    """The protocol class of a server whose connections are one crowd."""
    return type("Bounded", (BoundedProtocol,), {"crowd": crowd})
