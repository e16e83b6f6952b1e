"""WhatsApp Cloud API: webhook notifications in, `/{phone number id}/messages` out.

Source: Meta's "WhatsApp Cloud API", Webhooks and Messages. Rasa has no such channel.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from fastapi import APIRouter

from shoptalk.channels.base import Credentials, Inbox, Piece, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    pick,
    pick_list,
    pick_text,
)
from shoptalk.channels.meta import GRAPH, MAX_AGE_S, meta_router
from shoptalk.channels.outbound import Service, split_text
from shoptalk.channels.verify import Clock
from shoptalk.core.messages import BotMessage

KEYS = ("verify", "app_secret", "access_token", "phone_number_id", "graph_url", *RECEPTION_KEYS)
MAX_BUTTONS = 3
MAX_ROWS = 10
MAX_TITLE = 20
MAX_ROW_TITLE = 24
MAX_PAYLOAD = 200
MAX_BODY = 1024
MAX_MESSAGE = 4096


class WhatsAppChannel:
    """`/webhooks/whatsapp/webhook`.

    Args:
        verify: the word that Meta shows when the webhook is set up.
        app_secret: Meta signs notifications with it.
        service: the Graph API below the phone number's id.
        reception: how texts are taken.
        clock: the time, in epoch seconds.
    """

    name: ClassVar[str] = "whatsapp"

    def __init__(
        self,
        verify: str,
        app_secret: str,
        service: Service,
        reception: Reception | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._verify = need_secret(self.name, "verify", verify)
        self._secret = need_secret(self.name, "app_secret", app_secret)
        self.service, self.reception, self._clock = service, reception or Reception(self.name), clock

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `whatsapp:`."""
        section = Section(cls.name, credentials, KEYS)
        number = section.need("phone_number_id")
        headers = {"Authorization": f"Bearer {section.need('access_token')}"}
        service = Service(
            cls.name, f"{section.text('graph_url', GRAPH).rstrip('/')}/{number}", headers=headers
        )
        return cls(section.need("verify"), section.need("app_secret"), service, Reception.read(section))

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, notifications at `/webhook`."""

        async def take(content: Any) -> None:
            for message in inbound_messages(content):  # states of what we sent are none
                await self._take(inbox, message)

        return meta_router(self.name, self._verify, self._secret, take)

    async def _take(self, inbox: Inbox, message: Any) -> None:
        sender, when = pick_text(message, "from"), pick_text(message, "timestamp") or ""
        if when.isdigit() and self._clock() - int(when[:12]) > MAX_AGE_S:
            return
        pressed, text = said(message)
        if sender and text:
            await self.reception.take(inbox, sender, text, pick_text(message, "id"), pressed=pressed)

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: Meta did not take it.
        """
        to = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": recipient}
        for piece in pieces(message):
            for content in messages_of(piece):
                await self.service.call("POST", "/messages", body={**to, **content})

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def inbound_messages(content: Mapping[str, Any]) -> Iterator[Any]:
    """All messages of a notification's batch."""
    for entry in pick_list(content, "entry"):
        for change in pick_list(entry, "changes"):
            yield from pick_list(change, "value", "messages")


def said(message: Any) -> tuple[bool, str | None]:
    """Whether a button was pressed, and what a message says."""
    match pick(message, "type"):
        case "text":
            return False, pick_text(message, "text", "body")
        case "button":
            return True, pick_text(message, "button", "payload")
        case "interactive":
            chosen = pick_text(message, "interactive", "button_reply", "id")
            return True, chosen or pick_text(message, "interactive", "list_reply", "id")
        case "image" | "video" | "document" as kind:
            return False, pick_text(message, kind, "caption")
    return False, None


def messages_of(piece: Piece) -> Iterator[dict[str, Any]]:
    """The messages of the Cloud API for a piece."""
    if "image" in piece:
        yield {"type": "image", "image": {"link": piece["image"]}}
    elif (
        "custom" in piece
        and isinstance(piece["custom"], dict)
        and piece["custom"].get("type") in piece["custom"]
    ):
        yield dict(piece["custom"])
    elif "buttons" in piece and _fit(piece):
        yield {"type": "interactive", "interactive": _interactive(piece)}
    else:
        for words in in_words(piece):
            for part in split_text(words, MAX_MESSAGE):
                yield {"type": "text", "text": {"body": part}}


def _fit(piece: Piece) -> bool:
    """Whether buttons are such as WhatsApp takes."""
    buttons = piece["buttons"]
    payloads = [str(button.get("payload") or "") for button in buttons]
    is_long = any(len(payload) > MAX_PAYLOAD or not payload for payload in payloads)
    text = piece.get("text") or ""
    return bool(text) and len(text) <= MAX_BODY and len(buttons) <= MAX_ROWS and not is_long


def _interactive(piece: Piece) -> dict[str, Any]:
    """Up to three buttons, or a list of up to ten rows."""
    body = {"text": piece["text"]}
    chosen = [(str(button["payload"]), str(button.get("title") or "")) for button in piece["buttons"]]
    if len(chosen) <= MAX_BUTTONS:
        replies = [{"type": "reply", "reply": {"id": p, "title": title[:MAX_TITLE]}} for p, title in chosen]
        return {"type": "button", "body": body, "action": {"buttons": replies}}
    rows = [{"id": payload, "title": title[:MAX_ROW_TITLE]} for payload, title in chosen]
    return {"type": "list", "body": body, "action": {"button": "…", "sections": [{"rows": rows}]}}
