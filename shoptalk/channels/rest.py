"""Rasa's REST channel: JSON in, a list of messages out, for trusted callers that name their senders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Self

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from shoptalk.actions.base import Sink
from shoptalk.channels.base import Credentials, Inbox, element_text, pieces
from shoptalk.core.messages import DEFAULT_SENDER, BotMessage, UserMessage
from shoptalk.errors import ChannelError, ShoptalkError


def rest_messages(recipient: str, message: BotMessage) -> list[dict[str, Any]]:
    """A bot message as this channel answers it."""
    out = []
    for piece in pieces(message):
        if "element" in piece:
            element = piece["element"]
            piece = {"text": element_text(element), "buttons": element.get("buttons", [])}
        out.append({"recipient_id": recipient, **piece})
    return out


def read_message(body: Any, channel: str) -> UserMessage:
    """The message a request body holds.

    Raises:
        ChannelError: the body is not `{"sender": text, "message": text}`.
    """
    if not isinstance(body, dict):
        raise ChannelError("The body must be a JSON object.", hint='Send {"sender": "…", "message": "…"}.')
    sender, text = body.get("sender", DEFAULT_SENDER), body.get("message")
    if not isinstance(text, str):
        raise ChannelError("`message` must be a text.", hint='Send {"sender": "…", "message": "…"}.')
    if isinstance(sender, bool) or not isinstance(sender, str | int):
        raise ChannelError("`sender` must be a text.", hint='Send {"sender": "…", "message": "…"}.')
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise ChannelError("`metadata` must be a JSON object.", hint="Leave it out, or send an object.")
    given = {"message_id": body["message_id"]} if isinstance(body.get("message_id"), str) else {}
    name = body.get("input_channel")
    return UserMessage(
        text=text.strip(),
        sender_id=str(sender),
        channel=name if isinstance(name, str) and name else channel,
        metadata=metadata or {},
        **given,
    )


class RestChannel:
    """`POST /webhooks/rest/webhook`."""

    name: ClassVar[str] = "rest"
    answers_in_request: ClassVar[bool] = True

    @classmethod
    def from_credentials(cls, credentials: Credentials | None) -> Self:
        """The channel; it has no settings."""
        return cls()

    def routes(self, inbox: Inbox) -> APIRouter:
        """Health at `/`, messages at `/webhook`."""
        router = APIRouter(prefix=f"/webhooks/{self.name}", tags=["channels"])

        @router.get("/")
        async def health() -> dict[str, str]:
            """Whether the channel is there."""
            return {"status": "ok"}

        @router.post("/webhook", responses={200: {"content": {"text/event-stream": {}}}})
        async def webhook(request: Request, stream: bool = False) -> Any:
            """Say something as `sender`; the reply is a list of messages."""
            message = read_message(await _json(request), self.name)
            if stream:
                return StreamingResponse(_stream(inbox, message), media_type="text/event-stream")
            replies = await inbox.handle(message)
            return JSONResponse(
                [part for reply in replies for part in rest_messages(message.sender_id, reply)]
            )

        return router

    async def send(self, recipient: str, message: BotMessage) -> None:
        """Nothing: replies are answers to requests."""


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body() or b"null")
    except (ValueError, RecursionError) as error:
        raise ChannelError(f"The body is not JSON: {error}.") from error


async def _stream(inbox: Inbox, message: UserMessage) -> AsyncIterator[str]:
    """One JSON message a line, as they come."""
    import asyncio

    queue: asyncio.Queue[BotMessage | None] = asyncio.Queue()
    sink = _Queued(queue)
    task = asyncio.create_task(_finish(inbox, message, sink, queue))
    while (reply := await queue.get()) is not None:
        for part in rest_messages(message.sender_id, reply):
            yield json.dumps(part, ensure_ascii=False) + "\n"
    await task


async def _finish(inbox: Inbox, message: UserMessage, sink: _Queued, queue: Any) -> None:
    try:
        replies = await inbox.handle(message, sink)
        for reply in replies if not sink.heard else ():
            await queue.put(reply)
    except ShoptalkError as error:
        await queue.put({"text": None, "custom": {"error": error.code, "message": error.message}})
    finally:
        await queue.put(None)


class _Queued(Sink):
    """A sink that passes whole messages on."""

    def __init__(self, queue: Any) -> None:
        self.queue, self.heard = queue, False

    async def message(self, message: BotMessage) -> None:
        self.heard = True
        await self.queue.put(message)

    async def delta(self, message_id: str, text: str) -> None:
        """Pieces wait for the whole."""

    async def typing(self) -> None:
        """This channel does not show it."""
