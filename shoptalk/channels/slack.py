"""Slack: events and interactive messages in, `chat.postMessage` out.

Source: Slack's "Verifying requests from Slack", "Events API" and "Handling user interaction".
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from shoptalk.channels.base import Credentials, Inbox, Piece, in_words, pieces
from shoptalk.channels.credentials import Section, need_secret
from shoptalk.channels.inbound import (
    RECEPTION_KEYS,
    Reception,
    pick,
    pick_list,
    pick_text,
    read_form,
    read_json,
    webhook_router,
)
from shoptalk.channels.outbound import DeliveryFailed, Service, split_text
from shoptalk.channels.verify import Clock, check_fresh, check_hex, header
from shoptalk.core.messages import BotMessage
from shoptalk.errors import ChannelError

API = "https://slack.com/api"
KEYS = (
    "slack_token",
    "slack_channel",
    "proxy",
    "slack_retry_reason_header",
    "slack_retry_number_header",
    "errors_ignore_retry",
    "use_threads",
    "slack_signing_secret",
    "conversation_granularity",
    "api_url",
    *RECEPTION_KEYS,
)
GRANULARITIES = ("sender", "channel", "thread")
MAX_BUTTONS = 5
MAX_MESSAGE = 12_000
PASSING_ERRORS = (
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
)

_CHOSEN: dict[str, tuple[str | int, ...]] = {
    "button": ("value",),
    "select": ("selected_options", 0, "value"),
    "static_select": ("selected_option", "value"),
    "external_select": ("selected_option", "value"),
    "conversations_select": ("selected_conversation",),
    "users_select": ("selected_user",),
    "channels_select": ("selected_channel",),
    "overflow": ("selected_option", "value"),
    "datepicker": ("selected_date",),
}
"""Where each kind of interactive element has what was chosen."""

_LINK = re.compile(r"<(?:mailto:|https?://)[^|<>]*\|([^<>]*)>")


@dataclass(frozen=True, slots=True)
class SlackOptions:
    """How the channel behaves; Rasa's settings of the same names.

    Args:
        channel: where replies go that have no other place; messages in it are heard without a mention.
        retry_reason_header, retry_number_header: of Slack's repeated events.
        ignored_retries: reasons whose repetition Slack is asked to stop.
        use_threads: answer in the thread of the message.
        granularity: what a conversation is: of a user, a user in a channel, or in a thread.
    """

    channel: str | None = None
    retry_reason_header: str = "x-slack-retry-reason"
    retry_number_header: str = "x-slack-retry-num"
    ignored_retries: Sequence[str] = ("http_timeout",)
    use_threads: bool = False
    granularity: str = "sender"


class SlackChannel:
    """`/webhooks/slack/webhook`.

    Args:
        signing_secret: Slack signs requests with it.
        service: Slack's Web API.
        options: how the channel behaves.
        reception: how texts are taken.
        clock: the time, in epoch seconds.
    """

    name: ClassVar[str] = "slack"

    def __init__(
        self,
        signing_secret: str,
        service: Service,
        options: SlackOptions | None = None,
        reception: Reception | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._secret = need_secret(self.name, "slack_signing_secret", signing_secret)
        self.service, self.options, self._clock = service, options or SlackOptions(), clock
        self.reception = reception or Reception(self.name)

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel of a section `slack:`."""
        section = Section(cls.name, credentials, KEYS)
        headers = {"Authorization": f"Bearer {section.need('slack_token')}"}
        api, proxy = section.text("api_url", API), section.text("proxy") or None
        options = SlackOptions(
            section.text("slack_channel") or None,
            section.text("slack_retry_reason_header", "x-slack-retry-reason"),
            section.text("slack_retry_number_header", "x-slack-retry-num"),
            section.words("errors_ignore_retry", ("http_timeout",)),
            section.flag("use_threads"),
            section.choice("conversation_granularity", "sender", GRANULARITIES),
        )
        secret = section.need(
            "slack_signing_secret", "Slack shows it under Basic Information, App Credentials."
        )
        return cls(
            secret, Service(cls.name, api, headers=headers, proxy=proxy), options, Reception.read(section)
        )

    # -------------------------------------------------------------------------------------------------------- in

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, events at `/webhook`."""
        router = webhook_router(self.name)

        @router.post("/webhook")
        async def webhook(request: Request) -> Response:
            """Take an event or an interaction."""
            body = await request.body()
            self.verify(request, body)
            kind = request.headers.get("content-type", "").partition(";")[0].strip()
            if kind == "application/json":
                return await self._event(inbox, request, read_json(body))
            if kind == "application/x-www-form-urlencoded":
                payload = dict(read_form(body)).get("payload", "")
                return await self._interaction(inbox, request, read_json(payload.encode("utf-8", "replace")))
            return PlainTextResponse("Bot message delivered.")

        return router

    def verify(self, request: Request, body: bytes) -> None:
        """Check that Slack sent it, within the last five minutes.

        Raises:
            BadSignature: it did not.
        """
        timestamp = header(request, "X-Slack-Request-Timestamp")
        check_fresh(timestamp, self._clock)
        signed = f"v0:{timestamp}:".encode() + body
        check_hex(self._secret, signed, "sha256", header(request, "X-Slack-Signature"), "v0=")

    async def _event(self, inbox: Inbox, request: Request, content: dict[str, Any]) -> Response:
        if "challenge" in content:
            return JSONResponse(content["challenge"])
        event = pick(content, "event")
        kind, text, user = pick(event, "type"), pick_text(event, "text"), pick_text(event, "user")
        if kind not in ("message", "app_mention") or not text or not user or pick(event, "bot_id"):
            return PlainTextResponse("Bot message delivered.")
        metadata = event_metadata(content)
        place = metadata["out_channel"]
        is_meant = pick(event, "channel_type") == "im" or kind == "app_mention"
        if not is_meant and (place is None or place != self.options.channel):
            return PlainTextResponse("channel not supported.")
        said = pick_text(event, "ts")
        identity = f"{place}-{said}" if said else pick_text(content, "event_id")
        text = without_markup(text, metadata["users"])
        return await self._take(inbox, request, user, text, identity, metadata)

    async def _interaction(self, inbox: Inbox, request: Request, content: dict[str, Any]) -> Response:
        action, user = pick(content, "actions", 0), pick_text(content, "user", "id")
        where = _CHOSEN.get(pick_text(action, "type") or "")
        if where is None or user is None:
            raise ChannelError(
                "The input message could not be processed.", hint="This kind of element is not known."
            )
        chosen = pick_text(action, *where)
        if chosen is None:
            return PlainTextResponse("User clicked link button" if where == ("value",) else "")
        when = pick_text(action, "action_ts") or pick_text(content, "action_ts")
        identity = f"{user}-{when}" if when else pick_text(content, "trigger_id")
        metadata = interaction_metadata(content)
        return await self._take(inbox, request, user, chosen, identity, metadata, pressed=True)

    async def _take(
        self,
        inbox: Inbox,
        request: Request,
        user: str,
        text: str,
        identity: str | None,
        metadata: dict[str, Any],
        *,
        pressed: bool = False,
    ) -> Response:
        sender = self.conversation(user, metadata)
        await self.reception.take(inbox, sender, text, identity, metadata, pressed=pressed)
        reason = request.headers.get(self.options.retry_reason_header)
        if request.headers.get(self.options.retry_number_header) and reason in self.options.ignored_retries:
            # What the first attempt took is not taken twice; what it lost is taken now.
            return PlainTextResponse("", 201, headers={"X-Slack-No-Retry": "1"})
        return PlainTextResponse("")

    def conversation(self, user: str, metadata: Mapping[str, Any]) -> str:
        """The sender id of a user at a place."""
        channel, thread = metadata.get("out_channel"), metadata.get("thread_id")
        if self.options.granularity == "channel" and channel:
            return f"{user}_{channel}"
        if self.options.granularity == "thread" and channel and thread:
            return f"{user}_{channel}_{thread}"
        return user

    # ------------------------------------------------------------------------------------------------------- out

    def recipient(self, sender_id: str, metadata: Mapping[str, Any]) -> str:
        """The channel, and the thread after a `|` when threads are used."""
        place = metadata.get("out_channel") or self.options.channel or sender_id.split("_")[0]
        thread = metadata.get("thread_id") if self.options.use_threads else None
        return f"{place}|{thread}" if thread else str(place)

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Post a bot message.

        Raises:
            DeliveryFailed: Slack did not take it.
        """
        channel, _, thread = recipient.partition("|")
        for piece in pieces(message):
            for content in posts(piece):
                place = {"channel": channel, "as_user": True} | ({"thread_ts": thread} if thread else {})
                reply = (
                    await self.service.call("POST", "/chat.postMessage", body={**place, **content})
                ).json()
                if pick(reply, "ok") is not True:
                    problem = pick_text(reply, "error") or "no JSON"
                    raise DeliveryFailed(f"slack: Slack answered {problem}.", again=problem in PASSING_ERRORS)

    async def close(self) -> None:
        """Close the connections."""
        await self.service.close()


def posts(piece: Piece) -> list[dict[str, Any]]:
    """The arguments of `chat.postMessage` for a piece."""
    if "buttons" in piece and len(piece["buttons"]) <= MAX_BUTTONS:
        text = piece.get("text") or " "
        blocks = [
            {"type": "section", "text": {"type": "plain_text", "text": text}},
            _actions(piece["buttons"]),
        ]
        return [{"text": text, "blocks": blocks}]
    if "buttons" in piece:
        # Slack takes five buttons a block; more of them are said in words rather than dropped.
        piece = {"text": "\n".join(in_words(piece))}
    if "image" in piece:
        url = piece["image"]
        return [{"text": url, "blocks": [{"type": "image", "image_url": url, "alt_text": url}]}]
    if "attachment" in piece and isinstance(piece["attachment"], Mapping):
        return [{"attachments": [piece["attachment"]]}]
    if "custom" in piece and isinstance(piece["custom"], Mapping) and _is_post(piece["custom"]):
        return [dict(piece["custom"])]
    return [
        {"text": part, "type": "mrkdwn"}
        for words in in_words(piece)
        for part in split_text(words, MAX_MESSAGE)
    ]


def _is_post(custom: Mapping[str, Any]) -> bool:
    """Whether custom JSON is meant for Slack; our own kinds (`type: product_cards`) say the same in `text`."""
    return any(key in custom for key in ("blocks", "attachments", "text", "channel"))


def _actions(buttons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    elements = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": button.get("title")},
            "value": button.get("payload"),
        }
        for button in buttons
    ]
    return {"type": "actions", "elements": elements}


def without_markup(text: str, users: Sequence[str]) -> str:
    """A message without mentions of the bot; links stand as they are shown."""
    for user in users:
        mention = re.escape(f"<@{user}>")
        text = re.sub(rf"{mention}\s|\s{mention}", "", text)
        text = re.sub(mention, " ", text)
    return _LINK.sub(r"\1", text).strip()


def event_metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """Rasa's metadata of an event: channel, thread, and the users whose app it is."""
    users = [user for user in pick_list(content, "authed_users") if isinstance(user, str)]
    if "authed_users" not in content:
        first = pick_text(content, "authorizations", 0, "user_id")
        users = [first] if first else []
    thread = pick_text(content, "event", "thread_ts") or pick_text(content, "event", "ts")
    return {"out_channel": pick_text(content, "event", "channel"), "thread_id": thread, "users": users}


def interaction_metadata(content: Mapping[str, Any]) -> dict[str, Any]:
    """Rasa's metadata of an interaction."""
    user = pick_text(content, "user", "id")
    return {
        "out_channel": pick_text(content, "channel", "id"),
        "thread_id": pick_text(content, "message", "thread_ts") or pick_text(content, "message", "ts"),
        "users": [user] if user else [],
    }
