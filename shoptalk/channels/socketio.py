"""Rasa's Socket.IO channel, by whose events `rasa-webchat` and its kin talk.

The client names its session, as with Rasa: for development, and for pages that sign their visitors in (`jwt_key`).
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import jwt
import socketio
from fastapi import APIRouter, FastAPI

from shoptalk.actions.base import Sink
from shoptalk.channels.base import Credentials, Inbox, parts
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    MAX_TEXT,
    clean,
    clean_json,
    pick,
    pick_text,
    storable_id,
    webhook_router,
)
from shoptalk.channels.outbound import DeliveryFailed
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.errors import Overloaded, ShoptalkError

logger = logging.getLogger(__name__)

KEYS = (
    "user_message_evt",
    "bot_message_evt",
    "namespace",
    "session_persistence",
    "socketio_path",
    "jwt_key",
    "jwt_method",
    "metadata_key",
    "cors_allowed_origins",
    "max_text",
)
ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA")
EMIT_KEYS = ("data", "to", "room", "skip_sid", "namespace")
SORRY = "Sorry, something went wrong. Please try again."
BUSY = "One moment, please: I am still busy with what you said before."
MAX_FRAME = 64 << 10


class SocketIOChannel:
    """Events `user_uttered`, `bot_uttered`, `session_request` and `session_confirm`.

    Args:
        user_event, bot_event: names of the events with messages.
        namespace: of the events.
        persistence: the conversation is that of the session id, not of the connection.
        path: where Socket.IO listens.
        jwt_key: verifies the token a client connects with; None lets everybody in.
        jwt_method: its algorithm.
        metadata_key: where metadata stands in a message.
        origins: whose pages may connect, beside the server's own.
        max_text: characters a message may have.
    """

    name: ClassVar[str] = "socketio"
    reads_custom: ClassVar[bool] = True

    def __init__(
        self,
        user_event: str = "user_uttered",
        bot_event: str = "bot_uttered",
        namespace: str = "/",
        persistence: bool = False,
        path: str = "/socket.io",
        jwt_key: str | None = None,
        jwt_method: str = "HS256",
        metadata_key: str = "metadata",
        origins: Sequence[str] = (),
        max_text: int = MAX_TEXT,
    ) -> None:
        if jwt_key is not None:
            need_secret(self.name, "jwt_key", jwt_key)
        self.user_event, self.bot_event, self.namespace = user_event, bot_event, namespace
        self.persistence, self.path, self.metadata_key = persistence, "/" + path.strip("/"), metadata_key
        self.jwt_key, self.jwt_method = jwt_key, jwt_method
        self.origins, self.max_text = tuple(origins), max_text
        self.server: Any = None

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `socketio:`, which may be empty."""
        section = Section(cls.name, credentials, KEYS)
        return cls(
            section.text("user_message_evt", "user_uttered"),
            section.text("bot_message_evt", "bot_uttered"),
            section.text("namespace", "/"),
            section.flag("session_persistence"),
            section.text("socketio_path", "/socket.io"),
            section.text("jwt_key") or None,
            section.choice("jwt_method", "HS256", ALGORITHMS),
            section.text("metadata_key", "metadata"),
            section.words("cors_allowed_origins"),
            section.number("max_text", MAX_TEXT),
        )

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`; the rest is `mount`."""
        return webhook_router(self.name)

    def mount(self, app: FastAPI, inbox: Inbox, origins: Sequence[str]) -> None:
        """Listen at the path; pages of the server's own origin and of `origins` may connect."""
        allowed = [*self.origins, *origins]
        self.server = socketio.AsyncServer(
            async_mode="asgi",
            cors_allowed_origins="*" if "*" in allowed else (allowed or None),
            max_http_buffer_size=MAX_FRAME,
        )
        events = _Events(self, inbox)
        for event, handler in (
            ("connect", events.connect),
            ("session_request", events.session_request),
            (self.user_event, events.said),
        ):
            self.server.on(event, handler=handler, namespace=self.namespace)
        app.mount(self.path, socketio.ASGIApp(self.server, socketio_path=self.path))

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Send to whoever is connected as the recipient, here.

        Raises:
            DeliveryFailed: nobody is; they may be connected to another process, or come back.
        """
        if not self.is_connected(recipient):
            raise DeliveryFailed("socketio: the recipient is not connected here.", again=True)
        await self.emit(recipient, message)

    def is_connected(self, recipient: str) -> bool:
        """Whether a session, or a connection of this id, is there."""
        if self.server is None:
            return False
        return next(iter(self.server.manager.get_participants(self.namespace, recipient)), None) is not None

    async def emit(self, recipient: str, message: BotMessage) -> None:
        """Say a bot message as events."""
        for part in parts(message):
            if part.get("custom"):
                await self._custom(recipient, part["custom"])
                continue
            for content in contents(part):
                await self.server.emit(self.bot_event, content, room=recipient, namespace=self.namespace)

    async def _custom(self, recipient: str, custom: Any) -> None:
        """Custom JSON names the arguments of the event, as with Rasa; without any of them it is its data."""
        given = dict(custom) if isinstance(custom, Mapping) else {}
        if not given or not set(given) <= set(EMIT_KEYS):
            given = {"data": {"custom": custom}}
        if "to" not in given:
            given.setdefault("room", recipient)
        await self.server.emit(self.bot_event, **{"namespace": self.namespace, **given})

    def is_welcome(self, auth: Any) -> bool:
        """Whether a client may connect."""
        if self.jwt_key is None:
            return True
        token = (pick_text(auth, "token") or "").removeprefix("Bearer ").strip()
        try:
            jwt.decode(token, self.jwt_key, algorithms=[self.jwt_method], options={"verify_aud": False})
        except (jwt.PyJWTError, ValueError, TypeError):
            logger.info("socketio.refused: a client's token is not valid.")
            return False
        return True


class _Events:
    """What clients may do."""

    def __init__(self, channel: SocketIOChannel, inbox: Inbox) -> None:
        self.channel, self.inbox = channel, inbox

    async def connect(self, sid: str, environ: Any, auth: Any = None) -> bool:
        """A client wants in."""
        return self.channel.is_welcome(auth)

    async def session_request(self, sid: str, data: Any = None) -> None:
        """A client wants a session, or to go on with one."""
        session = storable_id(pick_text(data, "session_id") or "") or uuid.uuid4().hex
        server, namespace = self.channel.server, self.channel.namespace
        if self.channel.persistence:
            await server.enter_room(sid, session, namespace=namespace)
        await server.emit("session_confirm", session, room=sid, namespace=namespace)

    async def said(self, sid: str, data: Any = None) -> None:
        """A client says something."""
        sender = sid
        if self.channel.persistence:
            sender = storable_id(pick_text(data, "session_id") or "")
            if not sender:
                logger.warning(
                    "socketio.dropped: a message names no session; clients begin with session_request."
                )
                return
        text = clean(pick_text(data, "message") or "").strip()[: self.channel.max_text]
        given = pick_text(data, "message_id")
        message = UserMessage(
            text=text,
            sender_id=sender,
            message_id=storable_id(given) if given else uuid.uuid4().hex,
            channel=self.channel.name,
            metadata=self._metadata(data),
        )
        sink = _Emitting(self.channel, sender)
        try:
            replies = await self.inbox.handle(message, sink)
        except ShoptalkError as error:
            logger.warning("socketio.failed: %s", error.code)
            await self.channel.emit(sender, {"text": BUSY if isinstance(error, Overloaded) else SORRY})
            return
        for reply in replies if not sink.heard else ():
            await self.channel.emit(sender, reply)

    def _metadata(self, data: Any) -> dict[str, Any]:
        found = pick(data, self.channel.metadata_key)
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except (ValueError, RecursionError):
                found = None
        return clean_json(found) if isinstance(found, dict) else {}


class _Emitting(Sink):
    """Says whole messages as they come."""

    def __init__(self, channel: SocketIOChannel, recipient: str) -> None:
        self.channel, self.recipient, self.heard = channel, recipient, False

    async def message(self, message: BotMessage) -> None:
        self.heard = True
        await self.channel.emit(self.recipient, message)

    async def delta(self, message_id: str, text: str) -> None:
        """Pieces wait for the whole."""

    async def typing(self) -> None:
        """This channel does not show it."""


def contents(part: BotMessage) -> list[dict[str, Any]]:
    """What is emitted for a part; buttons stand under the last piece of their text."""
    buttons = part.get("quick_replies") or part.get("buttons")
    if buttons:
        texts = str(part.get("text") or "").strip().split("\n\n")
        replies = [
            {"content_type": "text", "title": button.get("title"), "payload": button.get("payload")}
            for button in buttons
        ]
        last = len(texts) - 1
        return [{"text": text, "quick_replies": replies if n == last else []} for n, text in enumerate(texts)]
    if part.get("text"):
        return [{"text": part["text"]}]
    if part.get("image"):
        return [{"attachment": {"type": "image", "payload": {"src": part["image"]}}}]
    if part.get("attachment"):
        return [{"attachment": part["attachment"]}]
    return [
        {"attachment": {"type": "template", "payload": {"template_type": "generic", "elements": element}}}
        for element in part.get("elements") or []
    ]
