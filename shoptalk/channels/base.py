"""What every channel is, and how a bot message is taken apart for those that send one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shoptalk.actions.base import Sink

Credentials = Mapping[str, Any]


class Inbox(Protocol):
    """Where a channel hands over what it received."""

    async def handle(self, message: UserMessage, sink: Sink | None = None) -> list[BotMessage]:
        """Serve a message and return what is said in reply; `sink` hears it as it is made.

        Raises:
            Overloaded: too many messages of this sender are waiting.
            Unavailable: conversations cannot be stored now; nothing was accepted.
        """

    async def accept(self, message: UserMessage) -> None:
        """Take a message to be served soon; replies go out through the channel's `send`."""

    async def tracker(self, sender_id: str) -> Tracker:
        """The current session of a conversation."""


class Channel(Protocol):
    """One way in and out.

    A channel that cannot verify who sends refuses to be made without the secret it needs.
    """

    name: ClassVar[str]

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel that a section of credentials.yml describes.

        Raises:
            ConfigError: a key is missing, empty or unknown.
        """

    def routes(self, inbox: Inbox) -> APIRouter:
        """Its HTTP routes, below `/webhooks/<name>`."""

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send one bot message (channels that answer in the request itself never need it)."""


Piece = dict[str, Any]
"""One thing to send: {"text"}, {"text", "buttons"}, {"custom"}, {"image"}, {"attachment"} or {"element"}."""


def pieces(message: BotMessage) -> Iterator[Piece]:
    """The things a bot message consists of, in the order they are sent (Rasa's).

    One of quick replies, buttons and text; then custom, image, attachment and elements. Text without buttons is
    parted at blank lines.
    """
    text = message.get("text")
    replies = message.get("quick_replies") or message.get("buttons")
    if replies:
        yield {**({} if text is None else {"text": text}), "buttons": replies}
    elif text:
        yield from ({"text": part} for part in text.strip().split("\n\n"))
    if message.get("custom"):
        yield {"custom": message["custom"]}
    image, attachment = message.get("image"), message.get("attachment")
    if image:
        yield {"image": image}
    if attachment and attachment != image:
        yield {"attachment": attachment}
    for element in message.get("elements") or []:
        yield {"element": element}


def element_text(element: Mapping[str, Any]) -> str:
    """An element in words."""
    return f"{element.get('title', '')} : {element.get('subtitle', '')}"


def button_line(number: int, button: Mapping[str, Any]) -> str:
    """A button in words, for channels without any: `1: Title (payload)`."""
    line = f"{number}: {button.get('title', '')}"
    if button.get("payload"):
        line += f" ({button['payload']})"
    rest = {key: value for key, value in button.items() if key not in ("title", "payload")}
    return f"{line} - {json.dumps(rest)}" if rest else line


def in_words(piece: Piece) -> Iterator[str]:
    """A piece as texts, for channels that send nothing else."""
    if "element" in piece:
        piece = {"text": element_text(piece["element"]), "buttons": piece["element"].get("buttons") or []}
    if "buttons" in piece:
        yield piece.get("text") or ""
        yield from (button_line(n, button) for n, button in enumerate(piece["buttons"], start=1))
    elif "text" in piece:
        yield piece["text"]
    elif "image" in piece:
        yield f"Image: {piece['image']}"
    elif "attachment" in piece:
        yield f"Attachment: {piece['attachment']}"
    else:
        yield json.dumps(piece["custom"], ensure_ascii=False)
