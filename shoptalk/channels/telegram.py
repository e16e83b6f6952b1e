"""Telegram: updates in, Bot API methods out.

The webhook registers itself with a secret that Telegram then sends along; Rasa had none, so it is derived from the
access token. Source: Telegram's "Bot API", setWebhook and Update.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    offered,
    pick,
    pick_list,
    pick_text,
    read_json,
    webhook_router,
)
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text
from shoptalk.channels.verify import check, derived, header
from shoptalk.core.messages import BotMessage

logger = logging.getLogger(__name__)

API = "https://api.telegram.org"
KEYS = ("access_token", "verify", "webhook_url", "secret_token", "api_url", *RECEPTION_KEYS)
COMMANDS = ("/start", "/restart")
MAX_MESSAGE = 4096
MAX_CALLBACK = 64
ATTEMPTS = 5

METHODS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("latitude", "longitude", "title", "address"), "sendVenue"),
    (("latitude", "longitude"), "sendLocation"),
    (("phone_number", "first_name"), "sendContact"),
    (("title", "description", "payload", "provider_token", "currency", "prices"), "sendInvoice"),
    (("photo",), "sendPhoto"),
    (("audio",), "sendAudio"),
    (("document",), "sendDocument"),
    (("sticker",), "sendSticker"),
    (("video",), "sendVideo"),
    (("video_note",), "sendVideoNote"),
    (("animation",), "sendAnimation"),
    (("voice",), "sendVoice"),
    (("media",), "sendMediaGroup"),
    (("game_short_name",), "sendGame"),
    (("action",), "sendChatAction"),
    (("text",), "sendMessage"),
)
"""Which method custom JSON means, by the keys it has; the first that fits."""


class TelegramChannel:
    """`/webhooks/telegram/webhook`.

    Args:
        service: the Bot API, with the token in its address.
        secret_token: Telegram sends it with each update.
        username: the bot's, checked when the server starts.
        webhook_url: registered when the server starts; None leaves that to others.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "telegram"

    def __init__(
        self,
        service: Service,
        secret_token: str,
        username: str | None = None,
        webhook_url: str | None = None,
        reception: Reception | None = None,
    ) -> None:
        self._secret = need_secret(self.name, "secret_token", secret_token)
        self.service, self.username, self.webhook_url = service, username, webhook_url
        self.reception = reception or Reception(self.name, commands=COMMANDS)
        self.is_other_bot = False

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `telegram:`."""
        section = Section(cls.name, credentials, KEYS)
        token = need_secret(cls.name, "access_token", section.need("access_token"))
        return cls(
            Service(cls.name, f"{section.text('api_url', API).rstrip('/')}/bot{token}"),
            section.text("secret_token") or derived(token, "telegram"),
            section.text("verify") or None,
            section.text("webhook_url") or None,
            Reception.read(section, COMMANDS),
        )

    async def start(self) -> None:
        """Register the webhook, and see whether the token is that of the bot that `verify` names."""
        if self.webhook_url is None:
            return
        for attempt in range(ATTEMPTS):
            try:
                await self.register()
                return
            except DeliveryFailed as error:
                logger.error("telegram.webhook_failed: %s", error.message)
                if not error.again:
                    return
                await asyncio.sleep(2.0**attempt)

    async def register(self) -> None:
        """Tell Telegram where updates go.

        Raises:
            DeliveryFailed: Telegram does not take it.
        """
        me = (await self.service.call("POST", "/getMe", body={})).json()
        found = pick_text(me, "result", "username")
        self.is_other_bot = self.username is not None and found != self.username
        if self.is_other_bot:
            logger.error("telegram.other_bot: the token is of %r, `verify` says %r.", found, self.username)
            return
        body = {"url": self.webhook_url, "secret_token": self._secret}
        await self.service.call("POST", "/setWebhook", body=body)

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, updates at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take an update."""
            check(header(request, "X-Telegram-Bot-Api-Secret-Token"), self._secret, "secret token")
            if self.is_other_bot:
                return PlainTextResponse("failed")
            await self._update(inbox, read_json(await request.body()))
            return PlainTextResponse("success")

        @router.api_route("/set_webhook", methods=["GET", "POST"])
        async def set_webhook() -> Response:
            """Register the webhook again."""
            try:
                await self.register()
            except DeliveryFailed:
                return PlainTextResponse("Invalid webhook")
            return PlainTextResponse("Invalid webhook" if self.is_other_bot else "Webhook setup successful")

        return router

    async def _update(self, inbox: Inbox, update: dict[str, Any]) -> None:
        pressed = False
        if "callback_query" in update:
            message = pick(update, "callback_query", "message")
            text = pick_text(update, "callback_query", "data")
            pressed = text in keyboard_data(message)
        else:
            message = pick(update, "edited_message") or pick(update, "message")
            text = said(message, is_edited="edited_message" in update)
        chat = pick_text(message, "chat", "id")
        if chat is None or not text:
            return
        if text.startswith("~"):
            text, pressed = await self._long_payload(inbox, chat, text), True
        identity = pick_text(update, "update_id")
        is_location = pick(message, "location") is not None
        await self.reception.take(inbox, chat, text, identity, pressed=pressed or is_location)
        if text == "/restart":
            await self.reception.take(inbox, chat, "/start", f"{identity}-start" if identity else None)

    async def _long_payload(self, inbox: Inbox, chat: str, short: str) -> str:
        """The payload that `callback_data` made short; itself if this conversation offered none such."""
        for payload in offered(await inbox.tracker(chat)):
            if callback_data(payload) == short:
                return payload
        return short

    # ------------------------------------------------------------------------------------------------------- out

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: Telegram did not take it.
        """
        kind = str((message.get("metadata") or {}).get("button_type") or "inline")
        for piece in pieces(message):
            if "buttons" in piece:
                body = {"text": piece.get("text") or "…", "reply_markup": keyboard(piece["buttons"], kind)}
                await self._call("sendMessage", recipient, body)
            elif "image" in piece:
                await self._call("sendPhoto", recipient, {"photo": piece["image"]})
            elif "custom" in piece and (method := method_of(piece["custom"])):
                await self._call(method, recipient, piece["custom"])
            else:
                for words in in_words(piece):
                    for part in split_text(words, MAX_MESSAGE):
                        await self._call("sendMessage", recipient, {"text": part})

    async def _call(self, method: str, recipient: str, body: Mapping[str, Any]) -> None:
        reply = (await self.service.call("POST", f"/{method}", body={"chat_id": recipient, **body})).json()
        if pick(reply, "ok") is not True:
            raise DeliveryFailed(f"telegram: {method} was refused.", again=False)

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def said(message: Any, *, is_edited: bool) -> str | None:
    """What a message says; a place is said as JSON."""
    text = pick_text(message, "text")
    if text is not None:
        return text if is_edited else text.replace("/bot", "")
    longitude, latitude = pick(message, "location", "longitude"), pick(message, "location", "latitude")
    if isinstance(longitude, int | float) and isinstance(latitude, int | float):
        return f'{{"lng":{longitude}, "lat":{latitude}}}'
    return None


def keyboard_data(message: Any) -> set[str]:
    """What the buttons below a message send: a client may make up anything else."""
    rows = pick_list(message, "reply_markup", "inline_keyboard")
    buttons = (button for row in rows if isinstance(row, list) for button in row)
    return {data for button in buttons if (data := pick_text(button, "callback_data"))}


def callback_data(payload: str) -> str:
    """A payload as a button may carry it; one of more than 64 bytes becomes a hash that is looked up later."""
    if len(payload.encode()) <= MAX_CALLBACK:
        return payload
    return "~" + hashlib.sha256(payload.encode()).hexdigest()[:40]


def keyboard(buttons: Sequence[Any], kind: str) -> dict[str, Any]:
    """A keyboard: `inline` in one row, `vertical` in one column, or `reply` below the text field."""
    if kind == "reply":
        rows = [button if isinstance(button, list) else [button] for button in buttons]
        keys = [[{"text": str(pick(button, "title"))} for button in row] for row in rows]
        return {"keyboard": keys, "resize_keyboard": False, "one_time_keyboard": True}
    inline = [
        {"text": str(pick(button, "title")), "callback_data": callback_data(str(pick(button, "payload")))}
        for button in buttons
    ]
    return {"inline_keyboard": [[button] for button in inline] if kind == "vertical" else [inline]}


def method_of(custom: Any) -> str | None:
    """The method that custom JSON is for."""
    if not isinstance(custom, dict):
        return None
    return next((name for keys, name in METHODS if all(custom.get(key) is not None for key in keys)), None)
