"""Connections of clients that are slow on purpose: a request must come soon, have a small head, and not crowd others out.

uvicorn waits for ever for the head of a request, and starts serving it before its body is there. Here a request has seconds,
and is served when it is whole: a byte a second costs a look at the byte, not a turn of the event loop through all
that serves requests. When all places are taken, the connection that has asked for nothing the longest goes, so that ten
thousand slow ones cost the others nothing.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

logger = logging.getLogger(__name__)
Queue: TypeAlias = "OrderedDict[BoundedProtocol, float]"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
SWEEP_S = 0.05
SWEPT = 50
"""How often late connections are looked for, and how many of a kind are ended each time."""
MANY = 500
"""Unfinished requests from which on garbage is collected at every such look."""
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
        idle, heads, bodies: connections between two requests, in a head, in a body, the longest so first, and since when.
        open: how many connections there are.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    max_head: int = 64 << 10
    held: int = 64 << 10
    most: int = 12_000
    grace_s: float = 1.0
    idle: Queue = field(default_factory=OrderedDict)
    heads: Queue = field(default_factory=OrderedDict)
    bodies: Queue = field(default_factory=OrderedDict)
    open: int = 0
    _sweeper: asyncio.TimerHandle | None = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that late ones are ended."""
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """End late ones, a few at a time: thousands in one go would come back as one, and everybody else would wait."""
        self._sweeper = None
        for queue, seconds in ((self.heads, self.head_s), (self.bodies, self.body_s)):
            for _ in range(min(SWEPT, len(queue))):
                longest, since = next(iter(queue.items()))
                if loop.time() - since < seconds:
                    break
                longest.refuse(SLOW)
        if len(self.heads) + len(self.bodies) > MANY:
            # Python counts new objects less those that went, so where connections come and go by the thousand, young
            # objects pile up, and looking through them takes a tenth of a second.
            gc.collect(1)
        if self.heads or self.bodies:
            self.watch(loop)

    def make_room(self, now: float) -> None:
        """End the connection that has asked for nothing the longest, if there are too many."""
        if self.open <= self.most:
            return
        first = [next(iter(queue.items())) for queue in (self.idle, self.heads, self.bodies) if queue]
        longest, since = min(first, key=lambda entry: entry[1])
        if now - since >= self.grace_s or self.open > 1.5 * self.most:
            longest.refuse(b"" if longest in self.idle else SLOW)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a bound on the time and size of requests; `bounded` makes one for a crowd."""

    crowd: ClassVar[Crowd]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._body: bytearray | None = None  # of a request whose head came, until it is whole
        self._queue: Queue | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.crowd.open += 1
        self._wait_in(self.crowd.heads)
        self.crowd.make_room(self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.open -= 1
        self._wait_in(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._queue is not self.crowd.heads and self._body is None and self._is_idle:
            self._wait_in(self.crowd.heads)
        self._head_bytes += len(data)
        super().data_received(data)
        if self._queue is self.crowd.heads and self._head_bytes > self.crowd.max_head:
            self.refuse(LARGE)

    def on_headers_complete(self) -> None:
        length = int(dict(self.headers).get(b"content-length", b"0"))
        if self.parser.should_upgrade() or length > self.crowd.held:
            self._wait_in(None)
            super().on_headers_complete()
            return
        if self.expect_100_continue:
            self.expect_100_continue = False
            self.transport.write(CONTINUE)
        self._body = bytearray()
        self._wait_in(self.crowd.bodies)

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
        if self._queue is None and self._is_idle and not self.transport.is_closing():
            self._wait_in(self.crowd.idle)

    def handle_websocket_upgrade(self) -> None:
        self._wait_in(None)
        self.crowd.open -= 1  # from here on it is another protocol's, with its own bounds
        super().handle_websocket_upgrade()

    @property
    def _is_idle(self) -> bool:
        """Whether what comes now begins another request."""
        return self.cycle is None or self.cycle.response_complete

    def _wait_in(self, queue: Queue | None) -> None:
        """Let the next part of a request come within the seconds of a queue; or stop waiting."""
        if self._queue is not None:
            del self._queue[self]
        self._queue, self._head_bytes = queue, 0
        if queue is not None:
            queue[self] = self.loop.time()
            if queue is not self.crowd.idle:
                self.crowd.watch(self.loop)

    def _serve(self) -> None:
        """Serve a request that was waited for."""
        if self._body is not None:
            body, self._body = bytes(self._body), None
            self._wait_in(None)
            super().on_headers_complete()
            if body:
                super().on_body(body)

    def refuse(self, answer: bytes) -> None:
        """End the connection with an answer, if there is one."""
        self._wait_in(None)
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
