"""Rocket.Chat: outgoing and Livechat webhooks in, `chat.postMessage` out.

Rasa believed whatever came. Here a message is taken when the webhook's token is right or, where none is configured,
when the server itself confirms it. Source: Rocket.Chat's "Integrations", "Omnichannel webhooks" and REST API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_words, parts
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import RECEPTION_KEYS, Reception, clean, pick_text, read_json, webhook_router
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text, with_scheme
from shoptalk.channels.verify import check, has_header, header
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

KEYS = ("user", "password", "server_url", "ssl", "webhook_token", *RECEPTION_KEYS)
LIVECHAT_HEADER = "X-RocketChat-Livechat-Token"
MAX_MESSAGE = 5000


@dataclass(frozen=True, slots=True)
class Said:
    """What a webhook claims."""

    room: str
    user: str
    text: str
    identity: str | None


class RocketChatChannel:
    """`/webhooks/rocketchat/webhook`.

    Args:
        user, password: the bot's.
        service: the server's REST API.
        webhook_token: of the outgoing webhook, or Livechat's secret token; None asks the server about each message.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "rocketchat"

    def __init__(
        self,
        user: str,
        password: str,
        service: Service,
        webhook_token: str | None = None,
        reception: Reception | None = None,
    ) -> None:
        self.user, self._password = user, need_secret(self.name, "password", password)
        self._token = (
            None if webhook_token is None else need_secret(self.name, "webhook_token", webhook_token)
        )
        self.service, self.reception = service, reception or Reception(self.name)
        self._session: dict[str, str] = {}

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `rocketchat:`."""
        section = Section(cls.name, credentials, KEYS)
        address = with_scheme(section.need("server_url"), tls=section.flag("ssl"))
        service = Service(cls.name, address.rstrip("/") + "/api/v1")
        user, password = section.need("user"), section.need("password")
        return cls(user, password, service, section.text("webhook_token") or None, Reception.read(section))

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, messages at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take a message."""
            body = await request.body()
            if not body:
                return PlainTextResponse("")
            content = read_json(body)
            if self._token is not None:
                is_livechat = has_header(request, LIVECHAT_HEADER)
                given = header(request, LIVECHAT_HEADER) if is_livechat else pick_text(content, "token") or ""
                check(given, self._token, "token")
            said = claimed(content)
            if self._token is None:
                await self.verify(said)
            if said is not None and said.user != self.user:
                await self.reception.take(inbox, said.room, said.text, said.identity)
            return PlainTextResponse("")

        return router

    async def verify(self, said: Said | None) -> None:
        """Ask the server whether a message was said.

        Raises:
            BadSignature: it was not, or the server does not say.
        """
        if said is None or said.identity is None:
            raise BadSignature("The message has no id to ask for.", hint="Set `webhook_token`.")
        try:
            answer = await self._call("GET", "/chat.getMessage", params={"msgId": clean(said.identity)})
        except DeliveryFailed as error:
            raise BadSignature(
                "The server does not confirm this message.", hint="Or set `webhook_token`."
            ) from error
        true = Said(
            pick_text(answer, "message", "rid") or "",
            pick_text(answer, "message", "u", "username") or "",
            pick_text(answer, "message", "msg") or "",
            pick_text(answer, "message", "_id"),
        )
        if true != said:
            raise BadSignature("The server's message says something else.")

    # ------------------------------------------------------------------------------------------------------- out

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Post a bot message.

        Raises:
            DeliveryFailed: Rocket.Chat did not take it.
        """
        for part in parts(message):
            for content in contents(part):
                room = {} if "channel" in content else {"roomId": recipient}
                await self._call("POST", "/chat.postMessage", body={**room, **content})

    async def _call(self, method: str, path: str, **given: Any) -> Any:
        """Make a request as the bot; signs in when need be, and once again when the session is gone."""
        for attempt in range(2):
            if not self._session:
                await self._sign_in()
            try:
                return (await self.service.call(method, path, headers=self._session, **given)).json()
            except DeliveryFailed as error:
                self._session = {}
                if attempt or error.status != 401:
                    raise
        return None

    async def _sign_in(self) -> None:
        body = {"user": self.user, "password": self._password}
        answer = (await self.service.call("POST", "/login", body=body)).json()
        token, user = pick_text(answer, "data", "authToken"), pick_text(answer, "data", "userId")
        if not token or not user:
            raise DeliveryFailed("rocketchat: the server does not let the bot in.", again=False)
        self._session = {"X-Auth-Token": token, "X-User-Id": user}

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def claimed(content: Mapping[str, Any]) -> Said | None:
    """What a webhook says was said, where and by whom; None when it is nothing."""
    if "visitor" in content:
        room, user = pick_text(content, "_id"), pick_text(content, "messages", 0, "username")
        text, identity = pick_text(content, "messages", 0, "msg"), pick_text(content, "messages", 0, "_id")
    else:
        room, user = pick_text(content, "channel_id"), pick_text(content, "user_name")
        text, identity = pick_text(content, "text"), pick_text(content, "message_id")
    return Said(room, user or "", text, identity) if room and text else None


def contents(part: BotMessage) -> list[dict[str, Any]]:
    """The arguments of `chat.postMessage` for a part, without the room."""
    buttons = part.get("buttons") or part.get("quick_replies")
    if buttons:
        return [{"text": part.get("text") or "", "attachments": [{"actions": [_action(b) for b in buttons]}]}]
    if part.get("image"):
        return [{"attachments": [{"image_url": part["image"], "collapsed": False}]}]
    if part.get("attachment"):
        attachment = part["attachment"]
        return [{"attachments": [attachment if isinstance(attachment, dict) else {"text": str(attachment)}]}]
    if part.get("elements"):
        return [{"attachments": part["elements"]}]
    custom = part.get("custom")
    if isinstance(custom, dict):
        rest = {key: value for key, value in custom.items() if key != "room_id"}
        return [
            rest if "channel" in custom or "room_id" not in custom else {"roomId": custom["room_id"], **rest}
        ]
    piece: dict[str, Any] = {key: part[key] for key in ("text", "custom") if part.get(key)}
    return [{"text": cut} for words in in_words(piece) for cut in split_text(words, MAX_MESSAGE)]


def _action(button: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "text": button.get("title"),
        "msg": button.get("payload"),
        "type": "button",
        "msg_in_chat_window": True,
    }
