"""Webex: a webhook says that there is a message, the API says which; messages out.

What is served is what Webex itself answers, so a forged notification can make nobody say anything. With
`webhook_secret` notifications are verified as well. Source: Webex for Developers, "Webhooks" and "Messages".
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import RECEPTION_KEYS, Reception, clean, pick_text, read_json, webhook_router
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text
from shoptalk.channels.verify import Clock, check_hex, header
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature, Unavailable

API = "https://webexapis.com/v1"
KEYS = ("access_token", "room", "webhook_secret", "api_url", *RECEPTION_KEYS)
MAX_MESSAGE = 7000
MAX_AGE_S = 23 * 3600.0


class WebexTeamsChannel:
    """`/webhooks/webexteams/webhook`.

    Args:
        service: the API.
        room: where all replies go; None answers where was asked.
        webhook_secret: Webex signs notifications with it, if the webhook was made with one.
        reception: how texts are taken.
        clock: the time, in epoch seconds.
    """

    name: ClassVar[str] = "webexteams"

    def __init__(
        self,
        service: Service,
        room: str | None = None,
        webhook_secret: str | None = None,
        reception: Reception | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._secret = (
            None if webhook_secret is None else need_secret(self.name, "webhook_secret", webhook_secret)
        )
        self.service, self.room, self._clock = service, room, clock
        self.reception = reception or Reception(self.name)
        self._me: str | None = None

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `webexteams:`."""
        section = Section(cls.name, credentials, KEYS)
        headers = {
            "Authorization": f"Bearer {need_secret(cls.name, 'access_token', section.need('access_token'))}"
        }
        service = Service(cls.name, section.text("api_url", API), headers=headers)
        room, secret = section.text("room") or None, section.text("webhook_secret") or None
        return cls(service, room, secret, Reception.read(section))

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, notifications at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take the message that a notification is about."""
            body = await request.body()
            if self._secret is not None:
                check_hex(self._secret, body, "sha1", header(request, "X-Spark-Signature"))
            message = await self._fetch(pick_text(read_json(body), "data", "id"))
            if pick_text(message, "personId") == await self._own_id():
                return PlainTextResponse("OK")
            await self._take(inbox, message)
            return PlainTextResponse("")

        return router

    async def _fetch(self, identity: str | None) -> Any:
        """The message, from Webex.

        Raises:
            BadSignature: there is none, or none that this bot may see.
            Unavailable: Webex does not answer; it will notify again.
        """
        if not identity:
            raise BadSignature("The notification names no message.")
        try:
            message = (await self.service.call("GET", f"/messages/{quote(clean(identity), safe='')}")).json()
        except DeliveryFailed as error:
            if error.again:
                raise Unavailable("Webex does not answer.") from error
            raise BadSignature("Webex does not know this message.") from error
        if pick_text(message, "id") is None or not self._is_recent(pick_text(message, "created")):
            raise BadSignature("Webex does not know this message, or it is old.")
        return message

    async def _own_id(self) -> str:
        if self._me is None:
            try:
                found = pick_text((await self.service.call("GET", "/people/me")).json(), "id")
            except DeliveryFailed as error:
                raise Unavailable("Webex does not answer.") from error
            if found is None:
                raise Unavailable("Webex does not say who this bot is.")
            self._me = found
        return self._me

    async def _take(self, inbox: Inbox, message: Any) -> None:
        room, text = pick_text(message, "roomId"), pick_text(message, "text")
        if room and text:
            await self.reception.take(inbox, room, text, pick_text(message, "id"))

    def _is_recent(self, created: str | None) -> bool:
        if created is None:
            return True
        try:
            at = datetime.fromisoformat(created).timestamp()
        except (ValueError, OverflowError):
            return False
        return self._clock() - at < MAX_AGE_S

    def recipient(self, sender_id: str, metadata: Mapping[str, Any]) -> str:
        """The room."""
        return self.room or sender_id

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: Webex did not take it.
        """
        for piece in pieces(message):
            if "image" in piece:
                await self._send(recipient, {"files": [piece["image"]]})
            elif isinstance(piece.get("custom"), Mapping):
                await self._send(recipient, piece["custom"])
            else:
                for words in in_words(piece):
                    for part in split_text(words, MAX_MESSAGE):
                        await self._send(recipient, {"text": part})

    async def _send(self, recipient: str, content: Mapping[str, Any]) -> None:
        await self.service.call("POST", "/messages", body={"roomId": recipient, **content})

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()
