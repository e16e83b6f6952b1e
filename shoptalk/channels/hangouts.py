"""Google Chat, which Rasa calls hangouts: events in, the reply as the request's answer.

Source: Google's "Verify requests from Google Chat" and "Respond to Google Chat app commands".
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, in_plain_words, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import RECEPTION_KEYS, Reception, pick, pick_text, read_json, webhook_router
from shoptalk.channels.keys import KeyRing, bearer
from shoptalk.channels.outbound import Service
from shoptalk.core.messages import BotMessage
from shoptalk.errors import BadSignature

logger = logging.getLogger(__name__)

CERTIFICATES = "https://www.googleapis.com/service_accounts/v1/metadata/x509/chat@system.gserviceaccount.com"
ISSUER = "chat@system.gserviceaccount.com"
KEYS = ("project_id", "certificates_url", "sender", *RECEPTION_KEYS)
ROOM_ADDED, USER_ADDED, REMOVED = "/room_added", "/user_added", "/bot_removed"
HINT = "Add `project_id: …` below `hangouts:`, the number of the Google Cloud project."


class HangoutsChannel:
    """`/webhooks/hangouts/webhook`.

    Args:
        project_id: number of the project that Google signs for; None refuses all requests.
        service: where Google's certificates are.
        by_display_name: name senders as Rasa does, by what they call themselves.
        reception: how texts are taken.
    """

    name: ClassVar[str] = "hangouts"
    answers_in_request: ClassVar[bool] = True

    def __init__(
        self,
        project_id: str | None,
        service: Service,
        by_display_name: bool = False,
        reception: Reception | None = None,
    ) -> None:
        self.service, self.by_display_name = service, by_display_name
        self.reception = reception or Reception(self.name)
        self._keys: KeyRing | None = None
        if project_id is not None:
            self._keys = KeyRing(self._fetch, need_secret(self.name, "project_id", project_id), ISSUER)

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `hangouts:`; without a project's number nothing can be verified nor taken."""
        section = Section(cls.name, credentials, KEYS)
        project = section.text("project_id") or None
        if project is None:
            logger.warning("channel.closed hangouts: requests cannot be verified and are refused. %s", HINT)
        by_name = section.choice("sender", "id", ("id", "display_name")) == "display_name"
        service = Service(cls.name, section.text("certificates_url", CERTIFICATES))
        return cls(project, service, by_name, Reception.read(section))

    async def _fetch(self) -> Mapping[str, Any]:
        from cryptography.x509 import load_pem_x509_certificate

        found = (await self.service.call("GET")).json()
        pairs = found.items() if isinstance(found, dict) else ()
        return {str(kid): load_pem_x509_certificate(str(pem).encode()).public_key() for kid, pem in pairs}

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, events at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take an event and answer it."""
            if self._keys is None:
                raise BadSignature("This channel cannot verify who calls.", hint=HINT)
            await self._keys.claims(bearer(request))
            content = read_json(await request.body())
            text, pressed, identity = event_of(content)
            sender = self.sender(content)
            if text is None or sender is None:
                return PlainTextResponse("OK")
            metadata = {"room": room_of(content)}
            message = await self.reception.message(inbox, sender, text, identity, metadata, pressed=pressed)
            return JSONResponse(card([] if message is None else await inbox.handle(message)))

        return router

    def sender(self, content: Mapping[str, Any]) -> str | None:
        """Who an event is from: their id, or what they call themselves."""
        where = ("message", "sender") if pick(content, "type") == "MESSAGE" else ("user",)
        identity, shown = pick_text(content, *where, "name"), pick_text(content, *where, "displayName")
        return (shown or identity) if self.by_display_name else (identity or shown)

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Nothing: replies are answers to requests."""

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def event_of(content: Mapping[str, Any]) -> tuple[str | None, bool, str | None]:
    """What an event says, whether Google vouches for it, and its id."""
    message, when = pick_text(content, "message", "name"), pick_text(content, "eventTime")
    match pick(content, "type"):
        case "MESSAGE":
            return pick_text(content, "message", "text"), False, message
        case "CARD_CLICKED":
            identity = f"{message}@{when}" if when else None
            return pick_text(content, "action", "actionMethodName"), True, identity
        case "ADDED_TO_SPACE":
            return ROOM_ADDED if room_of(content) else USER_ADDED, True, None
        case "REMOVED_FROM_SPACE":
            return REMOVED, True, None
    return None, False, None


def room_of(content: Mapping[str, Any]) -> str | None:
    """The room's name; None in a direct conversation."""
    if pick(content, "space", "type") != "ROOM":
        return None
    return pick_text(content, "space", "displayName") or pick_text(content, "space", "name")


def card(replies: list[BotMessage]) -> dict[str, Any]:
    """All replies as Google Chat's one message: plain text if all of them are, and else cards."""
    widgets: list[tuple[str | None, list[dict[str, Any]], Any]] = [
        entry for reply in replies for piece in pieces(in_plain_words(reply)) for entry in _widgets(piece)
    ]
    if all(text is not None for text, _, _ in widgets):
        joined = " ".join(str(text) for text, _, _ in widgets)
        return {"text": joined} if joined else {}
    cards: list[Any] = []
    for text, shown, raw in widgets:
        if raw is not None:
            cards += raw
        else:
            shown = [{"textParagraph": {"text": text}}] if text is not None else shown
            cards.append({"sections": [{"widgets": shown}]})
    return {"cards": cards}


def _widgets(piece: Mapping[str, Any]) -> list[tuple[str | None, list[dict[str, Any]], Any]]:
    """A piece as texts, widgets of one card, or cards as they are."""
    if "buttons" in piece:
        return [(None, [{"textParagraph": {"text": piece.get("text")}}, {"buttons": _buttons(piece)}], None)]
    if "image" in piece:
        return [(None, [{"image": {"imageUrl": piece["image"]}}], None)]
    if isinstance(pick(piece, "custom", "cards"), list):
        return [(None, [], pick(piece, "custom", "cards"))]
    if "attachment" in piece:
        return [(str(piece["attachment"]), [], None)]
    custom_text = pick_text(piece, "custom", "text")
    return (
        [(custom_text, [], None)] if custom_text else [(words, [], None) for words in in_words(dict(piece))]
    )


def _buttons(piece: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "textButton": {
                "text": b.get("title"),
                "onClick": {"action": {"actionMethodName": b.get("payload")}},
            }
        }
        for b in piece["buttons"]
    ]
