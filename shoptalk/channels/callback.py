"""Rasa's callback channel: as REST, but the replies are posted to a URL of the caller's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from shoptalk.channels.base import Credentials, Inbox
from shoptalk.channels.credentials import Section
from shoptalk.channels.inbound import read_json, webhook_router
from shoptalk.channels.outbound import Service
from shoptalk.channels.rest import read_message, rest_messages
from shoptalk.core.messages import BotMessage

KEYS = ("url", "params", "headers", "basic_auth", "token", "token_name", "cafile", "type")


class CallbackChannel:
    """`POST /webhooks/callback/webhook` for trusted callers, and a POST of each reply to `service`."""

    name: ClassVar[str] = "callback"
    reads_custom: ClassVar[bool] = True

    def __init__(self, service: Service) -> None:
        self.service = service

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `callback:`, which has the keys of an endpoint."""
        section = Section(cls.name, credentials, KEYS)
        url = section.need("url", "Write where replies are to be posted.")
        token, basic = section.text("token"), section.mapping("basic_auth")
        params = section.mapping("params") | ({section.text("token_name", "token"): token} if token else {})
        service = Service(
            cls.name,
            url,
            headers=section.mapping("headers"),
            params=params,
            auth=(basic.get("username", ""), basic.get("password", "")) if basic else None,
            cafile=section.text("cafile") or None,
        )
        service.base_url = url
        return cls(service)

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, messages at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Any:
            """Say something as `sender`; replies are posted to the URL of the settings."""
            body = read_json(await request.body())
            message = read_message({**body, "input_channel": None, "metadata": None}, self.name)
            await inbox.accept(replace(message, channel=self.name))
            return PlainTextResponse("success")

        return router

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Post a reply, in the form of the REST channel; `Idempotency-Key` is the same at every attempt."""
        for number, content in enumerate(rest_messages(recipient, message)):
            identity = message.get("id")
            headers = {"Idempotency-Key": f"{identity}:{number}"} if identity else {}
            await self.service.call("POST", body=content, headers=headers)

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()
