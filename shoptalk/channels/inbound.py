"""What comes in: bodies read safely, texts bounded, and messages handed over once."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter

from shoptalk.channels.base import Inbox
from shoptalk.channels.credentials import Section
from shoptalk.core.messages import UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.errors import ChannelError

MAX_TEXT = 2000
MAX_ID = 200
MAX_FIELDS = 500
RECEPTION_KEYS = ("shortcuts", "max_text")
"""Settings every messenger has."""


def webhook_router(name: str) -> APIRouter:
    """A router below `/webhooks/<name>` that answers `/` as Rasa does."""
    router = APIRouter(prefix=f"/webhooks/{name}", tags=["channels"])

    @router.get("/")
    async def health() -> dict[str, str]:
        """Whether the channel is there."""
        return {"status": "ok"}

    return router


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object a body holds.

    Raises:
        ChannelError: it holds none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ChannelError("The body is not JSON.", hint="Send a JSON object.") from error
    if not isinstance(content, dict):
        raise ChannelError("The body must be a JSON object.")
    return content


def read_form(body: bytes) -> list[tuple[str, str]]:
    """The fields of a URL-encoded form, in order.

    Raises:
        ChannelError: it is no form, or has too many fields.
    """
    try:
        return parse_qsl(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=MAX_FIELDS,
            errors="replace",
        )
    except ValueError as error:
        raise ChannelError(
            "The body is not a form.", hint="Send application/x-www-form-urlencoded."
        ) from error


def pick(value: Any, *path: str | int) -> Any:
    """What stands at a path of keys and positions; None when anything on the way is missing or of another type."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def pick_text(value: Any, *path: str | int) -> str | None:
    """As `pick`, for a text; a whole number is made one, anything else is None."""
    found = pick(value, *path)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**30:
        return str(found)
    return found if isinstance(found, str) else None


def pick_list(value: Any, *path: str | int) -> list[Any]:
    """As `pick`, for a list; empty when there is none."""
    found = pick(value, *path)
    return found if isinstance(found, list) else []


def clean(text: str) -> str:
    """A text without what no store keeps: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def clean_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object whose texts are all as `clean` leaves them."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    out: dict[str, Any] = json.loads(_NUL.sub(r"\1", text))
    return out


_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def offered(tracker: Tracker) -> set[str]:
    """Payloads of the buttons this conversation has shown."""
    return {
        str(button.get("payload"))
        for event in tracker.as_dict(tracker.events)["events"]
        if event["event"] == "bot"
        for key in ("buttons", "quick_replies")
        for button in (event["data"].get(key) or [])
        if isinstance(button, dict)
    }


def storable_id(value: str) -> str:
    """An id of a vendor, as short as stores want it."""
    value = clean(value)
    return value if len(value) <= MAX_ID else hashlib.sha256(value.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reception:
    """Takes what a messenger's users say.

    Args:
        channel: its name.
        shortcuts: let users type `/intent{...}`, as Rasa does. Otherwise such a text counts only when a button of
            this conversation offered it; typed, its slash goes.
        max_text: characters a text may have; the rest is cut off, as messengers cannot be told.
        commands: shortcuts without entities that may always be typed.
    """

    channel: str
    shortcuts: bool = False
    max_text: int = MAX_TEXT
    commands: tuple[str, ...] = ()

    @classmethod
    def read(cls, section: Section, commands: tuple[str, ...] = ()) -> Reception:
        """As the settings `shortcuts` and `max_text` say."""
        return cls(section.channel, section.flag("shortcuts"), section.number("max_text", MAX_TEXT), commands)

    async def take(
        self,
        inbox: Inbox,
        sender: str,
        text: str,
        message_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        pressed: bool = False,
    ) -> bool:
        """Have a message served soon; replies go out through the channel.

        Args:
            inbox: where it goes.
            sender: whose conversation.
            text: what was said.
            message_id: the vendor's id of the event; the same one again changes nothing.
            metadata: what else the vendor says, as Rasa keeps it.
            pressed: the vendor vouches that a button of ours was pressed.

        Returns:
            Whether there was anything to take.
        """
        message = await self.message(inbox, sender, text, message_id, metadata, pressed=pressed)
        if message is None:
            return False
        await inbox.accept(message)
        return True

    async def message(
        self,
        inbox: Inbox,
        sender: str,
        text: str,
        message_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        pressed: bool = False,
    ) -> UserMessage | None:
        """The message as it may reach the assistant; None when nothing is left of it."""
        sender, text = storable_id(sender), clean(text).strip()[: self.max_text]
        is_typed = not (pressed or self.shortcuts or text in self.commands)
        if text.startswith("/") and is_typed and text not in offered(await inbox.tracker(sender)):
            text = text.lstrip("/ ").strip()
        if not text or not sender:
            return None
        return UserMessage(
            text=text,
            sender_id=sender,
            message_id=storable_id(message_id) if message_id else uuid.uuid4().hex,
            channel=self.channel,
            metadata=clean_json(metadata or {}),
        )
