"""Connections of clients that are slow on purpose: a request must come soon, have a small head, and not crowd others out.

uvicorn waits for ever for the head of a request, and starts serving it before its body is there. Here a request has seconds,
and is served when it is whole: a byte a second costs a look at the byte, not a turn of the event loop through all
that serves requests. When all places are taken, the connection that has asked for nothing the longest goes, so that ten
thousand slow ones cost the others nothing.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

logger = logging.getLogger(__name__)

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
OTHER_FILES = 256
"""Open files of a process that are no connections of clients: its store, its model, its logs."""


@dataclass(slots=True)
class Crowd:
    """The connections of a process.

    Args:
        head_s: seconds until the head of a request must be there.
        body_s: seconds more until its body must be there.
        max_head: bytes the head may have.
        held: bytes of a body that is waited for; a larger one is served while it comes.
        most: connections at a time.
        grace_s: a connection has at least so long to say something, unless there are half as many again as may be.
        quiet: connections without a whole request, the longest so first, and since when.
        open: how many connections there are.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    max_head: int = 64 << 10
    held: int = 64 << 10
    most: int = 12_000
    grace_s: float = 1.0
    quiet: OrderedDict[BoundedProtocol, float] = field(default_factory=OrderedDict)
    open: int = 0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a bound on the time and size of requests; `bounded` makes one for a crowd."""

    crowd: ClassVar[Crowd]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._body: bytearray | None = None  # of a request whose head came, until it is whole
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.crowd.open += 1
        self._await_head()
        if self.crowd.open > self.crowd.most:
            longest, since = next(iter(self.crowd.quiet.items()))
            if self.loop.time() - since >= self.crowd.grace_s or self.crowd.open > 1.5 * self.crowd.most:
                longest._refuse(SLOW if longest._deadline is not None else b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.open -= 1
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self._is_idle:
            self._await_head()
        if self._deadline is not None and self._body is None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._body is None and self._head_bytes > self.crowd.max_head:
            self._refuse(LARGE)

    def on_headers_complete(self) -> None:
        length = int(dict(self.headers).get(b"content-length", b"0"))
        if self.parser.should_upgrade() or length > self.crowd.held:
            self._stop_waiting()
            super().on_headers_complete()
            return
        if self.expect_100_continue:
            self.expect_100_continue = False
            self.transport.write(CONTINUE)
        self._body = bytearray()
        self._wait(self.crowd.body_s)

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > self.crowd.held:
            self._serve()

    def on_message_complete(self) -> None:
        self._serve()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_idle and not self.transport.is_closing():
            self.crowd.quiet.setdefault(self, self.loop.time())

    def handle_websocket_upgrade(self) -> None:
        self._stop_waiting()
        self.crowd.open -= 1  # from here on it is another protocol's, with its own bounds
        super().handle_websocket_upgrade()

    @property
    def _is_idle(self) -> bool:
        """Whether what comes now begins another request."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._wait(self.crowd.head_s)

    def _wait(self, seconds: float) -> None:
        """Let the next part of a request come within some seconds."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._refuse, SLOW)
        self.crowd.quiet.setdefault(self, self.loop.time())

    def _serve(self) -> None:
        """Serve a request that was waited for."""
        if self._body is not None:
            body, self._body = bytes(self._body), None
            self._stop_waiting()
            super().on_headers_complete()
            if body:
                super().on_body(body)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.crowd.quiet.pop(self, None)

    def _refuse(self, answer: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            logger.debug("connection.ended %s", answer[9:12].decode())
            if answer:
                self.transport.write(answer)
            self.transport.close()


def places(wanted: int = Crowd().most) -> int:
    """How many connections this process has room for; it may open as many files as the machine lets it."""
    files = wanted * 3 // 2 + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, (soft - OTHER_FILES) * 2 // 3)


def bounded(crowd: Crowd) -> type[BoundedProtocol]:
    """The protocol class of a server whose connections are one crowd."""
    return type("Bounded", (BoundedProtocol,), {"crowd": crowd})
