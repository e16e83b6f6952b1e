"""The assistant a server serves; swapped as a whole when another model is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shoptalk.actions.base import Sink
from shoptalk.assistant import Assistant
from shoptalk.channels.base import Inbox
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.model import Model
from shoptalk.server.errors import ApiError


class Holder(Inbox):
    """Holds an assistant, or none until a model is loaded.

    Args:
        assistant: to begin with.
        model: what it was made of.
        make: makes the assistant of another model, on the same store; None where models cannot be swapped.
    """

    def __init__(
        self,
        assistant: Assistant | None = None,
        model: Model | None = None,
        make: Callable[[Model], Assistant] | None = None,
    ) -> None:
        self._assistant, self.model, self.make = assistant, model, make
        self.jobs = 0
        self._swapped = asyncio.Event()

    @property
    def assistant(self) -> Assistant:
        """The assistant.

        Raises:
            ApiError: no model is loaded.
        """
        if self._assistant is None:
            raise ApiError(409, "Conflict", "No model is loaded. Train one and start again, or PUT /model.")
        return self._assistant

    @property
    def is_ready(self) -> bool:
        """Whether a model is loaded."""
        return self._assistant is not None

    def put(self, assistant: Assistant | None, model: Model | None) -> Assistant | None:
        """Serve another assistant from now on; returns the one that was served."""
        before, self._assistant, self.model = self._assistant, assistant, model
        self._swapped.set()
        return before

    async def serve_reminders(self) -> None:
        """Let whichever assistant is served act on reminders, until cancelled."""
        while True:
            self._swapped.clear()
            work = asyncio.ensure_future(self._assistant.serve_reminders()) if self._assistant else None
            try:
                await self._swapped.wait()
            finally:
                if work is not None:
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)

    async def handle(self, message: UserMessage, sink: Sink | None = None) -> list[BotMessage]:
        """Let the assistant serve a message."""
        return await self.assistant.handle(message, sink)

    async def accept(self, message: UserMessage) -> None:
        """Let the assistant take a message to be served soon."""
        await self.assistant.accept(message)

    async def tracker(self, sender_id: str) -> Tracker:
        """The current session of a conversation."""
        return await self.assistant.tracker(sender_id)
