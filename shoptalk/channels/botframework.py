"""Microsoft Bot Framework (Teams, Web Chat and others): activities in, activities out.

Source: Microsoft's "Authentication with the Bot Connector API" and its reference of activities.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import quote

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_words, parts
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    pick,
    pick_list,
    pick_text,
    read_json,
    webhook_router,
)
from shoptalk.channels.keys import KeyRing, bearer
from shoptalk.channels.outbound import DeliveryFailed, Service
from shoptalk.channels.verify import Clock
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

OPEN_ID = "https://login.botframework.com/v1/.well-known/openidconfiguration"
LOGIN = "https://login.microsoftonline.com"
LOGIN_PATH = "/botframework.com/oauth2/v2.0/token"
SCOPE = "https://api.botframework.com/.default"
ISSUER = "https://api.botframework.com"
SERVICE_HOSTS = (
    ".botframework.com",
    "smba.trafficmanager.net",
    ".teams.microsoft.com",
    ".botframework.azure.us",
    ".botframework.azure.cn",
)
"""Where conversations may be: an activity names its service, and gets our token."""
KEYS = ("app_id", "app_password", "openid_url", "login_url", "service_hosts", *RECEPTION_KEYS)
CARD = "application/vnd.microsoft.card.hero"
EARLY_S = 60.0


class BotFrameworkChannel:
    """`/webhooks/botframework/webhook`.

    Args:
        app_id: tokens must be for it.
        app_password: gets tokens to answer with.
        directory: where Microsoft's keys are named.
        login: where tokens are got.
        service: calls the services that activities name.
        reception: how texts are taken.
        clock: the time, in epoch seconds.
    """

    name: ClassVar[str] = "botframework"

    def __init__(
        self,
        app_id: str,
        app_password: str,
        directory: Service,
        login: Service,
        service: Service,
        reception: Reception | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.app_id = need_secret(self.name, "app_id", app_id)
        self._password = need_secret(self.name, "app_password", app_password)
        self.directory, self.login, self.service, self._clock = directory, login, service, clock
        self.reception = reception or Reception(self.name)
        self._keys = KeyRing(self._fetch, self.app_id, ISSUER, clock)
        self._token, self._expires = "", 0.0

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `botframework:`."""
        section = Section(cls.name, credentials, KEYS)
        open_id, login = section.text("openid_url", OPEN_ID), section.text("login_url", LOGIN)
        hosts = section.words("service_hosts", SERVICE_HOSTS)
        return cls(
            section.need("app_id"),
            section.need("app_password"),
            Service(cls.name, open_id, suffixes=SERVICE_HOSTS),
            Service(cls.name, login),
            Service(cls.name, ISSUER, suffixes=hosts),
            Reception.read(section),
        )

    async def _fetch(self) -> Mapping[str, Any]:
        """Microsoft's keys, from where its directory says."""
        where = pick_text((await self.directory.call("GET")).json(), "jwks_uri") or ""
        found = (await self.directory.call("GET", where)).json()
        keys = {}
        for key in pick_list(found, "keys"):
            if pick(key, "kty") == "RSA" and pick_text(key, "kid"):
                keys[key["kid"]] = jwt.PyJWK(key, "RS256").key
        return keys

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, activities at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take an activity."""
            claims = await self._keys.claims(bearer(request))
            activity = read_json(await request.body())
            self.verify_service(claims, activity)
            if pick(activity, "type") == "message":
                await self._take(inbox, activity)
            return PlainTextResponse("success")

        return router

    def verify_service(self, claims: Mapping[str, Any], activity: Mapping[str, Any]) -> None:
        """Check that a token is for the service an activity names.

        Raises:
            BadSignature: it is for another.
        """
        allowed = claims.get("serviceurl", claims.get("serviceUrl"))
        named = pick_text(activity, "serviceUrl") or ""
        if isinstance(allowed, str) and allowed.rstrip("/") != named.rstrip("/"):
            raise BadSignature("The token is for another service.")

    async def _take(self, inbox: Inbox, activity: Mapping[str, Any]) -> None:
        sender, text = pick_text(activity, "from", "id"), pick_text(activity, "text") or ""
        if sender is None:
            return
        metadata: dict[str, Any] = {
            "conversation": pick_text(activity, "conversation", "id"),
            "service_url": pick_text(activity, "serviceUrl"),
            "bot": pick(activity, "recipient"),
        }
        attachments = pick_list(activity, "attachments")
        if attachments:
            metadata["attachments"] = attachments
        await self.reception.take(inbox, sender, text, pick_text(activity, "id"), metadata)

    # ------------------------------------------------------------------------------------------------------- out

    def recipient(self, sender_id: str, metadata: Mapping[str, Any]) -> str:
        """The conversation, its service, and who the bot is there, as JSON."""
        place = {key: metadata.get(key) for key in ("conversation", "service_url", "bot")}
        if not place["conversation"] or not place["service_url"]:
            return ""
        return json.dumps({"user": sender_id, **place})

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send a bot message.

        Raises:
            DeliveryFailed: the service did not take it, or may not be called.
        """
        place = json.loads(recipient)
        url = f"{str(place['service_url']).rstrip('/')}/v3/conversations/{quote(place['conversation'], safe='')}/activities"
        for part in parts(message):
            for content in contents(part):
                await self._post(url, activity_of(place, content))

    async def _post(self, url: str, activity: Mapping[str, Any]) -> None:
        # The token is only got once the host is known to be one that may have it.
        self.service.check_host(url)
        headers = {"Authorization": f"Bearer {await self._sign_in()}"}
        try:
            await self.service.call("POST", url, body=activity, headers=headers)
        except DeliveryFailed as error:
            if error.status == 401:
                self._expires = 0.0
            raise

    async def _sign_in(self) -> str:
        if self._clock() >= self._expires:
            form = [
                ("client_id", self.app_id),
                ("client_secret", self._password),
                ("grant_type", "client_credentials"),
                ("scope", SCOPE),
            ]
            answer = (await self.login.call("POST", LOGIN_PATH, form=form)).json()
            token, lasts = pick_text(answer, "access_token"), pick_text(answer, "expires_in") or "0"
            if not token:
                raise DeliveryFailed("botframework: Microsoft gave no token.", again=False)
            self._token = token
            self._expires = self._clock() + max(0.0, float(lasts) - EARLY_S if lasts.isdigit() else 0.0)
        return self._token

    async def close(self) -> None:
        """Close the connections."""
        for service in (self.directory, self.login, self.service):
            await service.close()


def activity_of(place: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """An activity to a user of a conversation."""
    return {
        "type": "message",
        "recipient": {"id": place.get("user")},
        "from": place.get("bot"),
        "channelData": {"notification": {"alert": "true"}},
        "text": "",
        **content,
    }


def contents(part: BotMessage) -> list[dict[str, Any]]:
    """What activities say for a part."""
    buttons = part.get("buttons") or part.get("quick_replies")
    if buttons:
        shown = [_button(button) for button in buttons]
        return [{"attachments": [_card({"subtitle": part.get("text"), "buttons": shown})]}]
    if part.get("image"):
        return [{"attachments": [_card({"images": [{"url": part["image"]}]})]}]
    if part.get("elements"):
        return [dict(element) for element in part["elements"]]
    if isinstance(part.get("custom"), dict):
        return [part["custom"]]
    piece: dict[str, Any] = {key: part[key] for key in ("text", "attachment", "custom") if part.get(key)}
    return [{"text": words} for words in in_words(piece)]


def _card(content: dict[str, Any]) -> dict[str, Any]:
    return {"contentType": CARD, "content": content}


def _button(button: Mapping[str, Any]) -> dict[str, Any]:
    """A button of ours as a card's action; Rasa passes it on as it is, which Teams shows without effect."""
    if "type" in button and "value" in button:
        return dict(button)
    return {**button, "type": "postBack", "value": button.get("payload")}
