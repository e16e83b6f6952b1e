"""JSON as the stores keep it: compact, exact, and safe against every string Python can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shoptalk.errors import StoreError
from shoptalk.stores.base import Json, StoredMessage

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump(value: Any) -> bytes:
    """Compact UTF-8 JSON; lone surrogates survive a round trip.

    Raises:
        StoreError: the value is not JSON (says which type, or that it is NaN or infinite).
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"Cannot store a value that is not JSON: {error}.",
            hint="Events, replies and metadata hold only text, finite numbers, booleans, null, lists and objects.",
        ) from error
    return text.encode("utf-8", "surrogatepass")


def dump_ascii(value: Any) -> str:
    """Like `dump`, as ASCII text for databases that refuse NUL or lone surrogates."""
    return json.dumps(json.loads(dump(value)), separators=(",", ":"))


def load(data: bytes | str) -> Any:
    """The value of `dump` or `dump_ascii`."""
    return json.loads(data if isinstance(data, str) else data.decode("utf-8", "surrogatepass"))


def copy(value: Mapping[str, Any]) -> Json:
    """A deep copy that went through JSON, so that a store never shares state with its caller."""
    copied: Json = load(dump(value))
    return copied


def copies(values: Sequence[Mapping[str, Any]]) -> list[Json]:
    """`copy` of each."""
    return [copy(value) for value in values]


def field_of(message: StoredMessage) -> str:
    """Identity of a message within its sender.

    Raises:
        StoreError: the channel, sender or message id is empty or holds a NUL.
    """
    for name in ("channel", "sender_id", "message_id"):
        check_id(name, getattr(message, name))
    return f"{message.channel}\0{message.message_id}"


def check_id(name: str, value: str) -> str:
    """The id itself, if a store can keep it.

    Raises:
        StoreError: it is no text, empty, longer than 255 characters, holds a NUL or a lone surrogate.
    """
    good = isinstance(value, str) and 0 < len(value) <= 255 and "\0" not in value
    if not good or (not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value)):
        raise StoreError(
            f"{name} {value!r:.80} cannot be stored.", hint="Use 1 to 255 characters without NUL."
        )
    return value
