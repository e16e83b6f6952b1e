"""The channel `rasa` of Rasa X and Enterprise: REST for people signed in there.

`rasa init` writes it into every project. Nothing is called until somebody uses it.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Self

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shoptalk.channels.base import Credentials, Inbox
from shoptalk.channels.credentials import Section
from shoptalk.channels.inbound import pick, pick_text, read_json, webhook_router
from shoptalk.channels.outbound import DeliveryFailed, Service
from shoptalk.channels.rest import read_message, rest_messages
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256")
OTHERS = "clientEvents:create"
"""The scope that lets somebody speak in a conversation of another."""
KEPT_S = 3600.0


class RasaChannel:
    """`POST /webhooks/rasa/webhook`, with a token that the server at `url` signed."""

    name: ClassVar[str] = "rasa"
    answers_in_request: ClassVar[bool] = True

    def __init__(self, service: Service) -> None:
        self.service = service
        self._key: tuple[str, str] | None = None
        self._fetched_at = float("-inf")

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `rasa:`."""
        return cls(Service(cls.name, Section(cls.name, credentials, ("url",)).need("url")))

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, messages at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request, token: str = "") -> Any:
            """Say something; the sender is who the token names, or the conversation that it allows."""
            claims = await self.claims(request.headers.get("authorization", "") or token)
            body = read_json(await request.body())
            message = read_message({**body, "sender": sender_of(claims, body)}, self.name)
            replies = await inbox.handle(message)
            return JSONResponse([p for reply in replies for p in rest_messages(message.sender_id, reply)])

        return router

    async def claims(self, token: str) -> dict[str, Any]:
        """What a token says.

        Raises:
            BadSignature: it is not one of the server's.
        """
        if self._key is None or time.monotonic() - self._fetched_at > KEPT_S:
            self._key, self._fetched_at = await self._fetch(), time.monotonic()
        key, algorithm = self._key
        try:
            return dict(jwt.decode(token.removeprefix("Bearer ").strip(), key, algorithms=[algorithm]))
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise BadSignature("The token is not valid.", hint="Sign in again.") from error

    async def _fetch(self) -> tuple[str, str]:
        try:
            answer = (await self.service.call("GET", "/version")).json()
        except DeliveryFailed as error:
            raise BadSignature(f"The key of the server cannot be fetched: {error.message}") from error
        key, algorithm = pick_text(answer, "keys", 0, "key"), pick_text(answer, "keys", 0, "alg")
        if not key or algorithm not in ALGORITHMS:
            raise BadSignature("The server names no public key.")
        return key, algorithm

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Nothing: replies are answers to requests."""

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def sender_of(claims: dict[str, Any], body: dict[str, Any]) -> str:
    """Whose conversation a request may speak in.

    Raises:
        BadSignature: not in the one it names.
    """
    user, wanted = pick_text(claims, "username"), pick_text(body, "conversation_id")
    if not user:
        raise BadSignature("The token names no user.")
    scopes = pick(claims, "scopes")
    if wanted is None or wanted == user or (isinstance(scopes, list) and OTHERS in scopes):
        return wanted or user
    raise BadSignature("This user may not speak in that conversation.")
