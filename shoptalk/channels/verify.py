"""Who sent this? Signatures and tokens of webhooks, checked on the raw body before anything in it is read."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

from starlette.requests import Request

from shoptalk.errors import BadSignature

WINDOW_S = 300.0
"""How far the time in a signature may be from ours."""

Clock = Callable[[], float]


def header(request: Request, name: str) -> str:
    """The only value of a header.

    Raises:
        BadSignature: it is missing, or there are several.
    """
    values = request.headers.getlist(name)
    if len(values) != 1 or not values[0]:
        raise BadSignature(f"The request needs one {name} header.")
    return values[0]


def has_header(request: Request, name: str) -> bool:
    """Whether a header is there at all."""
    return name in request.headers


def digest(secret: str, signed: bytes, algorithm: str) -> bytes:
    """HMAC with an algorithm that the caller fixes; it never comes from a request."""
    return hmac.new(secret.encode(), signed, algorithm).digest()


def check(given: str, wanted: str, what: str = "signature") -> None:
    """Compare in constant time.

    Raises:
        BadSignature: they differ.
    """
    if not wanted or not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted.encode()):
        raise BadSignature(f"The {what} is wrong.")


def check_hex(secret: str, signed: bytes, algorithm: str, given: str, prefix: str = "") -> None:
    """Check a hexadecimal HMAC behind a fixed prefix.

    Raises:
        BadSignature: it is wrong.
    """
    check(given, prefix + digest(secret, signed, algorithm).hex())


def check_base64(secret: str, signed: bytes, algorithm: str, given: str) -> bool:
    """Whether a base64 HMAC is right."""
    wanted = base64.b64encode(digest(secret, signed, algorithm))
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), wanted)


def check_fresh(timestamp: str, clock: Clock = time.time, window_s: float = WINDOW_S) -> None:
    """Check a time in whole epoch seconds that a signature covers.

    Raises:
        BadSignature: it is no number, or too far from now.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise BadSignature("The timestamp is not a number of seconds.")
    if abs(clock() - int(timestamp)) > window_s:
        raise BadSignature("The request is too old, or from the future.", hint="Are both clocks right?")


def derived(secret: str, purpose: str) -> str:
    """A second secret out of a first one, of 64 hexadecimal digits; the first cannot be told from it."""
    return hmac.new(secret.encode(), f"shoptalk:{purpose}".encode(), hashlib.sha256).hexdigest()
