"""The web widget's channel: signed sessions, streamed replies, history, and an inspector for developers.

The sender of a message comes from a token the server signed, never from the page. Who the shopper is (the customer
id) stands in that token as well, and reaches actions as metadata of the message.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import jwt
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from shoptalk.actions.base import Sink
from shoptalk.channels.base import Credentials, Explains, Inbox
from shoptalk.channels.credentials import Section
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.errors import BadSignature, ChannelError, ConfigError, ShoptalkError, TooLarge
from shoptalk.registry import load_dotted

ALGORITHM = "HS256"
AUDIENCE = "shoptalk-web"
SESSION_S = 24 * 3600
MAX_TEXT = 2000
MIN_SECRET = 32
KEYS = ("secret", "customers", "inspector", "max_text")
KEPT_TURNS = 30
KEPT_SENDERS = 200
FIRST_S = 3.0

Customers = Callable[[], list[dict[str, Any]]]


class SessionRequest(BaseModel):
    """Who wants to chat."""

    customer_id: str | None = Field(default=None, max_length=64)
    language: str = Field(default="en", pattern="^[a-z]{2}$")


class MessageRequest(BaseModel):
    """What is said."""

    message_id: str = Field(min_length=1, max_length=64, pattern="^[A-Za-z0-9_-]+$")
    text: str = Field(min_length=1, max_length=20_000)
    language: str | None = Field(default=None, pattern="^[a-z]{2}$")


class ExplainRequest(BaseModel):
    """What is to be explained."""

    text: str = Field(min_length=1, max_length=20_000)


@dataclass(frozen=True, slots=True)
class Session:
    """What a token says."""

    sender_id: str
    customer_id: str | None
    name: str | None


class Inspector:
    """The last turns of the last senders, for developers; kept in memory only."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()

    def watch(self, record: Any) -> None:
        """Keep a turn that was committed."""
        turns = self._turns.setdefault(record.tracker.sender_id, deque(maxlen=KEPT_TURNS))
        turns.append(record.as_dict())
        self._turns.move_to_end(record.tracker.sender_id)
        while len(self._turns) > KEPT_SENDERS:
            self._turns.popitem(last=False)

    def turns(self, sender_id: str) -> list[dict[str, Any]]:
        """The turns kept of a sender, newest last."""
        return list(self._turns.get(sender_id, ()))


class WebChannel:
    """`/webhooks/web/…`, for the widget.

    Args:
        secret: signs sessions; at least 32 bytes.
        customers: lists demo customers that the page may sign in as; None: nobody is ever signed in here.
        inspector: whether turns may be inspected by whoever had them.
        max_text: characters a message may have.
    """

    name: ClassVar[str] = "web"
    answers_in_request: ClassVar[bool] = True

    def __init__(
        self,
        secret: str,
        customers: Customers | None = None,
        inspector: bool = False,
        max_text: int = MAX_TEXT,
    ) -> None:
        if len(secret.encode()) < MIN_SECRET:
            raise ConfigError(
                f"The secret of the web channel is shorter than {MIN_SECRET} bytes.",
                hint="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
        self._secret, self._customers, self.max_text = secret, customers, max_text
        self.inspector = Inspector() if inspector else None

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `web:`; without a `secret` one is made and kept in `.shoptalk/web.key`."""
        section = Section("web", credentials, KEYS)
        customers = section.text("customers")
        return cls(
            secret=section.text("secret") or own_secret(),
            customers=load_dotted(customers) if customers else None,
            inspector=section.flag("inspector"),
            max_text=section.number("max_text", MAX_TEXT),
        )

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Nothing: replies are answers to requests."""

    # ------------------------------------------------------------------------------------------------- sessions

    def sign(self, session: Session, lifetime_s: int = SESSION_S) -> tuple[str, int]:
        """A token for a session, and when it expires (epoch seconds)."""
        now = int(time.time())
        claims = {"sub": session.sender_id, "aud": AUDIENCE, "iat": now, "exp": now + lifetime_s}
        if session.customer_id is not None:
            claims |= {"customer_id": session.customer_id, "name": session.name}
        return jwt.encode(claims, self._secret, ALGORITHM), now + lifetime_s

    def session(self, request: Request) -> Session:
        """The session of a request.

        Raises:
            BadSignature: there is no token, or it is not one of ours, or it expired.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            claims = jwt.decode(
                token if kind == "Bearer" else "",
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise BadSignature("The session is not valid any more.", hint="Begin a new one.") from error
        return Session(str(claims["sub"]), claims.get("customer_id"), claims.get("name"))

    def open_session(self, wanted: SessionRequest) -> dict[str, Any]:
        """A new session, of a guest or of a demo customer."""
        customer = None
        if wanted.customer_id is not None:
            known = {entry["id"]: entry for entry in self._customers()} if self._customers else {}
            customer = known.get(wanted.customer_id)
            if customer is None:
                raise ChannelError("There is no such customer to sign in as.", hint="Leave customer_id out.")
        sender = f"web-{secrets.token_urlsafe(16)}"
        identity = (customer["id"], customer["name"]) if customer else (None, None)
        token, expires = self.sign(Session(sender, *identity))
        shown = {"id": customer["id"], "name": customer["name"]} if customer else None
        return {"token": token, "sender_id": sender, "customer": shown, "expires_at": expires}

    # --------------------------------------------------------------------------------------------------- routes

    def routes(self, inbox: Inbox) -> APIRouter:
        """The routes the widget uses."""
        router = APIRouter(prefix=f"/webhooks/{self.name}", tags=["web widget"])

        @router.post("/session")
        def session(wanted: SessionRequest) -> dict[str, Any]:
            """Begin to chat: a token that names the sender."""
            return self.open_session(wanted)

        @router.get("/customers")
        def customers() -> list[dict[str, Any]]:
            """Demo customers the page may sign in as."""
            return self._customers() if self._customers else []

        @router.post("/message", responses={200: {"content": {"text/event-stream": {}}}})
        async def message(request: Request, said: MessageRequest) -> StreamingResponse:
            """Say something; replies come as server-sent events."""
            session = self.session(request)
            offered = (
                await self._offered(inbox, session.sender_id) if said.text.lstrip().startswith("/") else ()
            )
            text = self.accepted_text(said.text, offered)
            incoming = UserMessage(
                text=text,
                sender_id=session.sender_id,
                message_id=said.message_id,
                channel=self.name,
                metadata=_metadata(session, said.language),
            )
            return StreamingResponse(
                await _begin(inbox, incoming),
                media_type="text/event-stream",
                headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            )

        @router.get("/history")
        async def history(request: Request) -> dict[str, Any]:
            """What was said in this session, to show it again after a reload."""
            tracker = await inbox.tracker(self.session(request).sender_id)
            return {"messages": history_of(tracker.as_dict(tracker.events)["events"])}

        self._inspector_routes(router, inbox)
        return router

    def _inspector_routes(self, router: APIRouter, inbox: Inbox) -> None:
        @router.get("/inspect")
        async def inspect(request: Request) -> dict[str, Any]:
            """The last turns, step by step; only with `inspector: true`."""
            session = self.session(request)
            if self.inspector is None:
                raise _switched_off()
            tracker = await inbox.tracker(session.sender_id)
            state = tracker.as_dict()
            return {
                "sender_id": session.sender_id,
                "slots": state["slots"],
                "active_loop": state["active_loop"],
                "turns": self.inspector.turns(session.sender_id),
            }

        @router.post("/explain")
        async def explain(request: Request, asked: ExplainRequest) -> dict[str, Any]:
            """Why a text is understood as it is; only with `inspector: true`."""
            session = self.session(request)
            if self.inspector is None or not isinstance(inbox, Explains):
                raise _switched_off()
            return dict(await inbox.explain(session.sender_id, self.accepted_text(asked.text)))

    def accepted_text(self, text: str, offered: tuple[str, ...] = ()) -> str:
        """What of a text may reach the assistant.

        A shortcut (`/intent{...}`) counts only when a button of this conversation offered it; typed, its slash goes.

        Raises:
            TooLarge: it has too many characters.
            ChannelError: nothing is left of it.
        """
        text = text.strip()
        if len(text) > self.max_text:
            raise TooLarge(f"A message may have {self.max_text} characters.", hint="Send it in parts.")
        if text.startswith("/") and text not in offered:
            text = text.lstrip("/ ").strip()
        if not text:
            raise ChannelError("The message is empty.", hint="Say something.")
        return text

    async def _offered(self, inbox: Inbox, sender_id: str) -> tuple[str, ...]:
        tracker = await inbox.tracker(sender_id)
        return tuple(
            str(button.get("payload"))
            for event in tracker.as_dict(tracker.events)["events"]
            if event["event"] == "bot"
            for button in (event["data"].get("buttons") or event["data"].get("quick_replies") or [])
        )


def own_secret(folder: Path | None = None) -> str:
    """A secret of this project, made at first use and kept readable only by its owner."""
    path = (folder or Path(".shoptalk")) / "web.key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    secret = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
    return secret


def _switched_off() -> ChannelError:
    return ChannelError("The inspector is switched off.", hint="Set `inspector: true` under `web:`.")


def _metadata(session: Session, language: str | None) -> dict[str, Any]:
    out: dict[str, Any] = {"language": language} if language else {}
    if session.customer_id is not None:
        out |= {"customer_id": session.customer_id, "customer_name": session.name, "verified": True}
    return out


def history_of(events: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events of a conversation as the widget shows them; a pressed button shows its title."""
    out: list[dict[str, Any]] = []
    titles: dict[str, str] = {}
    for place, event in enumerate(events):
        common = {"at": event["timestamp"], "id": event.get("message_id") or f"h{place}"}
        if event["event"] == "user" and event.get("text") and not event["metadata"].get("is_external"):
            text = event["text"]
            out.append({"from": "user", **common, "text": titles.get(text, text)})
        elif event["event"] == "bot":
            shown = {k: v for k, v in event["data"].items() if v}
            for button in shown.get("buttons") or shown.get("quick_replies") or []:
                titles[str(button.get("payload"))] = str(button.get("title"))
            out.append({"from": "bot", **common, "text": event["text"], **shown})
    return out


_Item = tuple[str, dict[str, Any]] | None


class _Stream(Sink):
    """A sink that turns what it hears into server-sent events."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self.messages = 0
        self.failure: ShoptalkError | None = None

    async def message(self, message: BotMessage) -> None:
        self.messages += 1
        await self.queue.put(("message", shown(message)))

    async def delta(self, message_id: str, text: str) -> None:
        await self.queue.put(("delta", {"id": message_id, "text": text}))

    async def typing(self) -> None:
        await self.queue.put(("typing", {}))


def shown(message: BotMessage) -> dict[str, Any]:
    """What the widget gets of a bot message."""
    out = {key: message[key] for key in ("id", "text", "image", "attachment", "custom") if message.get(key)}
    buttons = message.get("buttons") or message.get("quick_replies")
    if buttons:
        out["buttons"] = buttons
    if out.get("attachment") == out.get("image"):
        out.pop("attachment", None)
    return out


async def _begin(inbox: Inbox, message: UserMessage) -> AsyncIterator[str]:
    """Begin a turn; what it says from there on, as server-sent events.

    The first thing to happen is waited for, so that a message that could not be accepted is answered with an error's
    status and not with a stream.

    Raises:
        ShoptalkError: the message was not accepted.
    """
    stream = _Stream()
    begin = time.perf_counter()
    turn = asyncio.create_task(_turn(inbox, message, stream))
    first: _Item = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_S):
            first = await stream.queue.get()
    if stream.failure is not None and stream.messages == 0:
        raise stream.failure
    return _serve(stream, turn, begin, first or ("typing", {}))


async def _serve(stream: _Stream, turn: asyncio.Task[None], begin: float, item: _Item) -> AsyncIterator[str]:
    while item is not None and item[0] != "end":
        yield _event(*item)
        item = await stream.queue.get()
    await turn
    ms = (time.perf_counter() - begin) * 1000
    if stream.failure is not None:
        yield _event(
            "error", {"code": stream.failure.code, "message": stream.failure.message, "retry_after_s": 2}
        )
    yield _event("done", {"turn_ms": round(ms, 1), "messages": stream.messages})


async def _turn(inbox: Inbox, message: UserMessage, stream: _Stream) -> None:
    try:
        replies = await inbox.handle(message, stream)
        if stream.messages == 0:
            for reply in replies:
                await stream.message(reply)
    except ShoptalkError as error:
        stream.failure = error
    finally:
        await stream.queue.put(("end", {}))


def _event(name: str, data: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
