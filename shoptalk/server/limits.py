"""Bounds on requests: size, time, number at once, rate, and the origins of pages."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shoptalk.actions.base import Sink
from shoptalk.channels.base import Explains, Inbox
from shoptalk.channels.inbound import clean, clean_json
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.errors import ChannelError, Overloaded, TooLarge
from shoptalk.server.errors import body
from shoptalk.server.observe import about

STORABLE_ID = 255
"""Characters an id may have in a store."""
NAMED_SENDER = re.compile(r"[A-Za-z0-9._:@+/=-]{1,128}")
"""What a caller who names senders may call them."""
PUBLIC = ("/webhooks/web/",)
"""Below these paths anybody's browser may call."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server takes, per process.

    Args:
        max_body: bytes of a request.
        larger: path prefixes whose requests may have more bytes; only ones behind the API's lock.
        body_s: seconds until a request's body must be there.
        answer_s: seconds until an answer must have begun.
        max_text: characters of a message.
        at_once: requests to channels served at a time.
        sender_rate, sender_burst: messages a second of one sender, and how many at once; a rate of 0 is no bound.
        address_rate, address_burst: the same for requests from one address to the public channel.
    """

    max_body: int = 64 << 10
    larger: Mapping[str, int] | None = None
    body_s: float = 30.0
    answer_s: float = 3600.0
    max_text: int = 2000
    at_once: int = 2048
    sender_rate: float = 5.0
    sender_burst: int = 100
    address_rate: float = 20.0
    address_burst: int = 600

    def body_of(self, path: str) -> int:
        """Bytes a request to a path may have."""
        fitting = [size for prefix, size in (self.larger or {}).items() if path.startswith(prefix)]
        return max(fitting, default=self.max_body)


class Buckets:
    """Token buckets by key; the least recently used are dropped, which fills them again.

    Args:
        rate: tokens a second; 0 means no bound.
        burst: tokens a full bucket has.
        kept: buckets remembered.
    """

    def __init__(self, rate: float, burst: int, kept: int = 20_000) -> None:
        self.rate, self.burst, self.kept = rate, burst, kept
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, now: float | None = None) -> bool:
        """Take a token out of a bucket; False when it is empty."""
        if self.rate <= 0:
            return True
        moment = time.monotonic() if now is None else now
        level, since = self._levels.pop(key, (float(self.burst), moment))
        level = min(float(self.burst), level + (moment - since) * self.rate)
        allowed = level >= 1
        self._levels[key] = (level - allowed, moment)
        if len(self._levels) > self.kept:
            self._levels.popitem(last=False)
        return allowed


class BoundedInbox(Inbox):
    """An inbox that takes only what is within bounds.

    Args:
        inner: where messages go.
        bounds: the bounds.
        buckets: rates by sender, shared by all channels.
        named: callers name their senders, by `NAMED_SENDER`.
    """

    def __init__(self, inner: Inbox, bounds: Bounds, buckets: Buckets, *, named: bool = False) -> None:
        self._inner, self._bounds, self._buckets, self._named = inner, bounds, buckets, named

    async def handle(self, message: UserMessage, sink: Sink | None = None) -> list[BotMessage]:
        """Serve a message.

        Raises:
            ChannelError: the sender's name cannot be kept.
            TooLarge: the text is too long.
            Overloaded: the sender writes too fast.
        """
        return await self._inner.handle(self._checked(message), sink)

    async def accept(self, message: UserMessage) -> None:
        """Take a message to be served soon; raises as `handle`."""
        await self._inner.accept(self._checked(message))

    async def explain(self, sender_id: str, text: str) -> Mapping[str, Any]:
        """Why a text is understood as it is; counts as a message of the sender. Raises as `handle`."""
        checked = self._checked(UserMessage(text, sender_id))
        if not isinstance(self._inner, Explains):
            raise ChannelError("Nothing is explained here.")
        return await self._inner.explain(sender_id, checked.text)

    async def tracker(self, sender_id: str) -> Tracker:
        """The current session of a conversation."""
        check_id("sender", sender_id)
        return await self._inner.tracker(sender_id)

    def _checked(self, message: UserMessage) -> UserMessage:
        about(message.sender_id)
        check_id("sender", message.sender_id)
        check_id("message_id", message.message_id)
        check_id("input_channel", message.channel)
        if self._named and not NAMED_SENDER.fullmatch(message.sender_id):
            raise ChannelError(
                "`sender` may have 1 to 128 of the characters A-Z a-z 0-9 . _ : @ + / = -",
                hint="Name your senders by an id, not by what they typed.",
            )
        if len(message.text) > self._bounds.max_text:
            raise TooLarge(
                f"A message may have {self._bounds.max_text} characters.", hint="Send it in parts."
            )
        if message.metadata and not _is_plain(message.metadata):
            raise ChannelError("`metadata` holds what JSON cannot.", hint="Send texts and finite numbers.")
        if not self._buckets.take(message.sender_id):
            raise Overloaded("This sender writes too fast.", hint="Wait a moment before the next message.")
        text, metadata = clean(message.text), message.metadata
        return replace(message, text=text, metadata=clean_json(metadata) if metadata else metadata)


def check_id(name: str, value: str) -> None:
    """Refuse an id no store can keep.

    Raises:
        ChannelError: it is empty, too long, or holds control characters or lone surrogates.
    """
    if not 0 < len(value) <= STORABLE_ID or any(
        c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value
    ):
        raise ChannelError(
            f"`{name}` cannot be an id.",
            hint=f"Use 1 to {STORABLE_ID} characters without control characters.",
        )


def _is_plain(value: Mapping[str, object]) -> bool:
    """Whether a store can keep a value that came out of JSON; Python reads NaN and infinities there."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


class BodyLimit:
    """Refuses a request whose body is larger than allowed, or too slow, before it is read as a whole.

    Args:
        app: what is protected.
        bounds: how much, and how long.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self.app, self.bounds = app, bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.bounds.body_of(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await self._refuse_size(send, limit)
            return
        reading = _Reading(receive, send, limit, self.bounds.body_s)
        try:
            await self.app(scope, reading.receive, reading.send)
        except _TooLarge:
            if not reading.answered:
                await self._refuse_size(send, limit)
        except _TooSlow:
            if not reading.answered:
                await refuse(
                    send, 408, "TooSlow", "The body took too long.", "too_slow", "Send it in one go."
                )

    async def _refuse_size(self, send: Send, limit: int) -> None:
        await refuse(send, 413, "TooLarge", f"A body may have {limit} bytes.", "too_large", "Send less.")


class _Reading:
    """A request's body being read within bounds."""

    def __init__(self, receive: Receive, send: Send, limit: int, seconds: float) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._until = time.monotonic() + seconds
        self._seen, self._whole, self.answered = 0, False, False
        self._failure: _TooLarge | _TooSlow | None = None

    async def receive(self) -> Message:
        if self._whole or self.answered:
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError as error:
            self._failure = _TooSlow()
            raise self._failure from error
        self._seen += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._seen > self._limit:
            self._failure = _TooLarge()
            raise self._failure
        return message

    async def send(self, message: Message) -> None:
        if self._failure is not None and not self.answered:
            raise self._failure  # whatever reads bodies made another failure of it
        self.answered = self.answered or message["type"] == "http.response.start"
        await self._send(message)


class _TooLarge(Exception):
    """A body went over its bound."""


class _TooSlow(Exception):
    """A body was not there in time."""


class AnswerLimit:
    """Gives up a request whose answer has not begun in time; a turn that was begun is finished all the same.

    Args:
        app: what is bounded.
        seconds: how long it may take.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        bound = asyncio.timeout(self.seconds)

        async def begun(message: Message) -> None:
            if not bound.expired():
                bound.reschedule(None)
            await send(message)

        try:
            async with bound:
                await self.app(scope, receive, begun)
        except TimeoutError:
            if not bound.expired():
                raise
            hint = "Try again later; the server's --response-timeout sets the bound."
            await refuse(send, 503, "TooSlow", "The answer took too long.", "too_slow", hint)


class AtOnce:
    """Serves a bounded number of channel requests at a time, and bounds the rate of addresses on public ones.

    Args:
        app: what is protected.
        bounds: the bounds.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self.app, self.bounds, self.running = app, bounds, 0
        self.addresses = Buckets(bounds.address_rate, bounds.address_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/webhooks/"):
            await self.app(scope, receive, send)
            return
        address = (scope.get("client") or ("",))[0]
        if scope["path"].startswith(PUBLIC) and not self.addresses.take(address):
            await refuse(send, 429, "Overloaded", "Too many requests.", "overloaded", "Wait a moment.")
            return
        counting = _Counting(self, receive, send)
        try:
            if scope["method"] != "POST":
                counting.enter()
            await self.app(scope, counting.receive, counting.send)
        except _Busy:
            if not counting.answered:
                await refuse(send, 503, "Overloaded", "The server is busy.", "busy", "Try again in a moment.")
        finally:
            counting.leave()


class _Counting:
    """A request that counts from when its body is there, so that slow ones take nobody's place."""

    def __init__(self, gate: AtOnce, receive: Receive, send: Send) -> None:
        self._gate, self._receive, self._send = gate, receive, send
        self._counts, self._is_busy, self.answered = False, False, False

    def enter(self) -> None:
        """Take a place."""
        if self._counts:
            return
        if self._gate.running >= self._gate.bounds.at_once:
            self._is_busy = True
            raise _Busy
        self._gate.running += 1
        self._counts = True

    def leave(self) -> None:
        """Give the place back."""
        self._gate.running -= self._counts
        self._counts = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.enter()
        return message

    async def send(self, message: Message) -> None:
        if self._is_busy and not self.answered:
            raise _Busy  # whatever reads bodies made another failure of it
        self.answered = self.answered or message["type"] == "http.response.start"
        await self._send(message)


class _Busy(Exception):
    """There is no place for a request."""


class OriginCheck:
    """Refuses what pages of other origins start: websockets, and writing requests to the public channel.

    Args:
        app: what is protected.
        allowed: origins beside the server's own, compared as whole strings; `*` allows all.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str]) -> None:
        self.app, self.allowed = app, frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_foreign(scope):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refuse(
                    send, 403, "Forbidden", "This page may not call this server.", "origin", ORIGIN_HINT
                )
            return
        await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        writes = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(PUBLIC)
        if not writes and scope["type"] != "websocket":
            return False
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        return origin is not None and not is_allowed(origin, headers.get(b"host", ""), self.allowed)


ORIGIN_HINT = "Start the server with --cors and the page's origin, as in https://shop.example."


def is_allowed(origin: str, host: str, allowed: frozenset[str]) -> bool:
    """Whether a page may call: it is of the server's own host, or its origin is listed literally."""
    if "*" in allowed or origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return bool(host) and origin in (f"http://{host}", f"https://{host}") and parts.netloc == host


async def refuse(send: Send, status: int, reason: str, message: str, code: str, hint: str) -> None:
    """Answer a request that gets no further."""
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    if status in (429, 503):
        headers = [headers[0], (b"retry-after", b"1")]
    said = json.dumps(body(status, reason, message, code, hint)).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})
