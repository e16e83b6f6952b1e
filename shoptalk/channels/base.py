"""What every channel is, and how a bot message is taken apart for those that send one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

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
        """Send one bot message (channels that answer in the request itself never need it).

        Raises:
            DeliveryFailed: it did not get there (`shoptalk.channels.outbound`); says whether trying again may help.
        """


@runtime_checkable
class Explains(Protocol):
    """An inbox that can also say why a text is understood as it is."""

    async def explain(self, sender_id: str, text: str) -> Mapping[str, Any]:
        """The parse result with its key `explain`.

        Raises:
            TooLarge, Overloaded: as for a message.
        """
        ...


@runtime_checkable
class Addressed(Protocol):
    """A channel whose recipients are not its senders."""

    def recipient(self, sender_id: str, metadata: Mapping[str, Any]) -> str:
        """Where replies go; "" when that cannot be told.

        Args:
            sender_id: whose conversation.
            metadata: of a message of theirs; empty when there is none at hand.
        """
        ...


@runtime_checkable
class Starting(Protocol):
    """A channel with something to do once the server runs."""

    async def start(self) -> None:
        """Do it; failures are logged, not raised."""


@runtime_checkable
class Closing(Protocol):
    """A channel with something to give back."""

    async def close(self) -> None:
        """Give it back."""


@runtime_checkable
class Mounted(Protocol):
    """A channel that serves more than HTTP routes."""

    def mount(self, app: FastAPI, inbox: Inbox, origins: Sequence[str]) -> None:
        """Add itself to an application.

        Args:
            app: the server's.
            inbox: takes what is said.
            origins: whose pages may connect, beside the server's own.
        """


def answers_in_request(channel: Channel) -> bool:
    """Whether a channel's replies are answers to requests, so that there is nothing to deliver."""
    return bool(getattr(channel, "answers_in_request", False))


DRAWN = ("product_cards", "order_timeline", "orders", "sources", "comparison", "handoff")
"""Kinds of custom JSON that the widget draws; their message's text says the same in words."""


def in_plain_words(message: BotMessage) -> BotMessage:
    """A bot message for people who see no widget: without custom JSON that its text says in words already."""
    custom = message.get("custom")
    if message.get("text") and isinstance(custom, Mapping) and custom.get("type") in DRAWN:
        return {key: value for key, value in message.items() if key != "custom"}
    return message


def reads_custom(channel: Channel) -> bool:
    """Whether programs, not people, get what a channel sends."""
    return bool(getattr(channel, "reads_custom", False))


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


def parts(message: BotMessage) -> Iterator[BotMessage]:
    """A bot message as several of one piece each, so that one that failed can be sent again by itself."""
    metadata = {"metadata": message.get("metadata") or {}}
    for piece in pieces(message):
        if "buttons" in piece and message.get("quick_replies"):
            piece["quick_replies"] = piece.pop("buttons")
        if "element" not in piece:
            yield {**piece, **metadata}
    if message.get("elements"):
        yield {"elements": message["elements"], **metadata}


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
