"""Facebook Messenger: webhook events in, the Send API out.

Source: Meta's "Messenger Platform", Webhooks and Send API.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from fastapi import APIRouter

from shoptalk.channels.base import Credentials, Inbox, in_words, parts
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    pick,
    pick_list,
    pick_text,
)
from shoptalk.channels.meta import GRAPH, MAX_AGE_S, meta_router
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text
from shoptalk.channels.verify import Clock
from shoptalk.core.messages import BotMessage

logger = logging.getLogger(__name__)

KEYS = ("verify", "secret", "page-access-token", "graph_url", *RECEPTION_KEYS)
MAX_BUTTONS = 3
MAX_MESSAGE = 2000
MEDIA = ("audio", "image", "video", "file")


class FacebookChannel:
    """`/webhooks/facebook/webhook`.

    Args:
        verify: the word that Meta shows when the webhook is set up.
        app_secret: Meta signs events with it.
        service: the Graph API, with the page's token.
        reception: how texts are taken.
        clock: the time, in epoch seconds.
    """

    name: ClassVar[str] = "facebook"

    def __init__(
        self,
        verify: str,
        app_secret: str,
        service: Service,
        reception: Reception | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._verify = need_secret(self.name, "verify", verify)
        self._secret = need_secret(self.name, "secret", app_secret)
        self.service, self.reception, self._clock = service, reception or Reception(self.name), clock
        self._acting: set[asyncio.Task[None]] = set()

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `facebook:`."""
        section = Section(cls.name, credentials, KEYS)
        params = {"access_token": section.need("page-access-token")}
        service = Service(cls.name, section.text("graph_url", GRAPH), params=params)
        return cls(section.need("verify"), section.need("secret"), service, Reception.read(section))

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, events at `/webhook`."""

        async def take(content: Any) -> None:
            for event in events(content):
                await self._take(inbox, event)

        return meta_router(self.name, self._verify, self._secret, take)

    async def _take(self, inbox: Inbox, event: Any) -> None:
        sender, (text, pressed, identity) = pick_text(event, "sender", "id"), content_of(event)
        if sender is None or text is None or self._is_outdated(event):
            return
        if await self.reception.take(inbox, sender, text, identity, pressed=pressed):
            task = asyncio.create_task(self._acknowledge(sender))
            self._acting.add(task)
            task.add_done_callback(self._acting.discard)

    def _is_outdated(self, event: Any) -> bool:
        when = pick(event, "timestamp")
        return isinstance(when, int | float) and self._clock() - when / 1000 > MAX_AGE_S

    async def _acknowledge(self, recipient: str) -> None:
        """Show that the message was seen and is being answered; nothing depends on it."""
        for action in ("mark_seen", "typing_on"):
            body = {"recipient": {"id": recipient}, "sender_action": action}
            try:
                await self.service.call("POST", "/me/messages", body=body)
            except DeliveryFailed as error:
                logger.info("facebook.action_failed: %s", error.message)
                return

    # ------------------------------------------------------------------------------------------------------- out

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: Meta did not take it.
        """
        for part in parts(message):
            custom = part.get("custom")
            target, contents = (
                custom_of(custom, recipient) if custom else (recipient, list(messages_of(part)))
            )
            for content in contents:
                body = {
                    "messaging_type": "RESPONSE",
                    "notification_type": "REGULAR",
                    "recipient": {"id": target},
                    "message": content,
                }
                await self.service.call("POST", "/me/messages", body=body)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*self._acting)
        await self.service.close()


def events(content: Mapping[str, Any]) -> Iterator[Any]:
    """All messaging events of a webhook's batch."""
    for entry in pick_list(content, "entry"):
        yield from pick_list(entry, "messaging")


def content_of(event: Any) -> tuple[str | None, bool, str | None]:
    """What an event says, whether by a button, and its id."""
    message = pick(event, "message")
    if not isinstance(message, dict):
        identity = pick_text(event, "postback", "mid")
        if identity is None and pick(event, "postback") is not None:
            when = pick_text(event, "timestamp")
            identity = f"postback-{when}" if when else None
        return pick_text(event, "postback", "payload"), True, identity
    identity = pick_text(message, "mid")
    if pick(message, "is_echo"):
        return None, False, identity
    chosen = pick_text(message, "quick_reply", "payload")
    if chosen:
        return chosen, True, identity
    text = pick_text(message, "text")
    if text is None and pick(message, "attachments", 0, "type") in MEDIA:
        text = pick_text(message, "attachments", 0, "payload", "url")
    return text, False, identity


def messages_of(part: BotMessage) -> Iterator[dict[str, Any]]:
    """The messages of the Send API for a part."""
    replies, buttons, text = part.get("quick_replies"), part.get("buttons"), part.get("text") or ""
    if replies:
        yield {"text": text, "quick_replies": [_quick_reply(reply) for reply in replies]}
    elif buttons and len(buttons) <= MAX_BUTTONS:
        yield _template({"template_type": "button", "text": text, "buttons": [_button(b) for b in buttons]})
    elif part.get("image"):
        yield {"attachment": {"type": "image", "payload": {"url": part["image"]}}}
    elif part.get("elements"):
        yield _template({"template_type": "generic", "elements": [_element(e) for e in part["elements"]]})
    else:
        # Messenger takes three buttons; more of them are said in words rather than dropped.
        piece: dict[str, Any] = {key: part[key] for key in ("text", "buttons", "attachment") if key in part}
        yield from ({"text": cut} for words in in_words(piece) for cut in split_text(words, MAX_MESSAGE))


def custom_of(custom: Any, recipient: str) -> tuple[str, list[Any]]:
    """Who gets custom JSON, and the JSON; it may name another recipient under `sender`."""
    if isinstance(custom, list):
        targets = [target for item in custom if (target := pick_text(item, "sender", "id"))]
        return (targets or [recipient])[0], [[_without_sender(item) for item in custom]]
    return pick_text(custom, "sender", "id") or recipient, [_without_sender(custom)]


def _without_sender(item: Any) -> Any:
    return {key: value for key, value in item.items() if key != "sender"} if isinstance(item, dict) else item


def _template(payload: dict[str, Any]) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}


def _button(button: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "postback", **button}


def _element(element: Mapping[str, Any]) -> dict[str, Any]:
    buttons = element.get("buttons")
    return {**element, "buttons": [_button(b) for b in buttons]} if buttons else dict(element)


def _quick_reply(reply: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content_type": reply.get("content_type") or "text",
        "title": reply.get("title"),
        "payload": reply.get("payload"),
    }
