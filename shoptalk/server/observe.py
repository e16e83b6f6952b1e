"""What operators see: logs without anybody's words, and one measurement around every request.

At INFO and above a log holds no message text: exceptions of foreign code show their type and place only, and what
looks like an e-mail address, a phone or a card number is blanked wherever it stands.
"""

from __future__ import annotations

import contextvars
import copy
import hashlib
import json
import logging
import os
import re
import secrets
import time
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shoptalk.errors import ShoptalkError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from shoptalk.server.metrics import Metrics
    from shoptalk.server.tracing import Tracing

FORMATS = ("text", "json")
KEY_VARIABLE = "SHOPTALK_LOG_KEY"
"""Keys the hashes of senders in logs; give all servers the same to follow a sender over them."""
PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
NO_ROUTE = "unknown"

_sender: contextvars.ContextVar[str] = contextvars.ContextVar("sender", default="")
_PRIVATE = re.compile(
    r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"  # e-mail addresses
    r"|(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"  # IBANs
    # phone, card and account numbers, with extensions
    r"|(?<![A-Za-z0-9_.-])\+?\(?(?:\d[ ()./-]{0,2}){8,19}\d(?: ?(?:x|ext\.?) ?\d{1,6})?(?![A-Za-z0-9_-])"
)
BLANK = "[private]"


def redact(text: str) -> str:
    """A text without e-mail addresses and long numbers."""
    return _PRIVATE.sub(BLANK, text)


def about(sender_id: str) -> None:
    """Say whose message the present task serves, for its log lines."""
    _sender.set(sender_id)


def hashed(sender_id: str) -> str:
    """A short stand-in for a sender in logs, which tells nobody who it is without the key."""
    key = os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(16))
    return hashlib.blake2b(
        sender_id.encode("utf-8", "replace"), digest_size=6, key=key.encode()[:64]
    ).hexdigest()


class _Private(logging.Formatter):
    """Formats exceptions without their messages, unless it is told to show everything."""

    def __init__(self, *args: Any, open_texts: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.open_texts = open_texts

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        if self.open_texts or ei[1] is None:
            return super().formatException(ei)
        frames = "".join(traceback.format_tb(ei[2]))
        said = f": {ei[1].message}" if isinstance(ei[1], ShoptalkError) else ""
        return redact(f"{frames}{type(ei[1]).__name__}{said}")


class TextFormatter(_Private):
    """One line a record, for people."""

    def format(self, record: logging.LogRecord) -> str:
        fresh = copy.copy(record)
        fresh.exc_text = None  # another handler may have left the whole exception there
        line = super().format(fresh)
        return line if self.open_texts else redact(line)


class JsonFormatter(_Private):
    """One JSON object a line: `at`, `level`, `logger`, `message`, `sender` (hashed), and what the record adds."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        out: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message,
            "process": record.process,
        }
        if _sender.get():
            out["sender"] = hashed(_sender.get())
        for name, value in vars(record).items():
            if name not in PLAIN:
                out[name] = hashed(str(value)) if name == "sender_id" else value
        if record.exc_info:
            out["exception"] = self.formatException(record.exc_info)
        if not self.open_texts:
            out = {
                key: redact(value) if isinstance(value, str) else value
                for key, value in out.items()
                if key != "at"
            } | {"at": out["at"]}
        return json.dumps(out, ensure_ascii=False, default=str)


class Telemetry:
    """Measures every HTTP request, and puts a span around it when traces are wanted.

    Args:
        app: what is observed.
        metrics: counts requests; None does not.
        tracing: makes spans; None does not.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics | None, tracing: Tracing | None) -> None:
        self.app, self.metrics, self.tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self.tracing is None:
                await self.app(scope, receive, watched)
            else:
                with self.tracing.request(scope) as span:
                    await self.app(scope, receive, watched)
                    self.tracing.end(span, route_of(scope), status)
        finally:
            if self.metrics is not None:
                self.metrics.answered(method_of(scope), route_of(scope), status, time.perf_counter() - begin)


def route_of(scope: Scope) -> str:
    """The pattern of the route that answered, so that labels stay few."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else NO_ROUTE


def method_of(scope: Scope) -> str:
    """The method, if it is a usual one."""
    known = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH")
    return scope["method"] if scope["method"] in known else "OTHER"
