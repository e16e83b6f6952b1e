"""The assistant a server serves; swapped as a whole when another model is loaded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from shoptalk.actions.base import Sink
from shoptalk.assistant import Assistant
from shoptalk.channels.base import Inbox
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.model import Model
from shoptalk.server.errors import ApiError

logger = logging.getLogger(__name__)

DRAIN_S = 60.0
"""How long turns of a replaced assistant may take to end before its threads are given back."""
CLOSE_S = 10.0
"""How long they may take when the server stops."""


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
        self._store = assistant.store if assistant is not None else None
        self._retiring: set[asyncio.Task[None]] = set()

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

    def put(self, assistant: Assistant | None, model: Model | None) -> None:
        """Serve another assistant, or none, from now on; the one before finishes what it has begun."""
        before, self._assistant, self.model = self._assistant, assistant, model
        if assistant is not None:
            self._store = assistant.store
        self._swapped.set()
        if before is not None:
            task = asyncio.ensure_future(_retire(before))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def close(self) -> None:
        """Finish what runs, and give everything back: the store, too, even when no model is left."""
        if self._retiring:
            await asyncio.wait(self._retiring, timeout=CLOSE_S)
        if self._assistant is not None:
            await self._assistant.close()
        elif self._store is not None:
            await self._store.close()

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

    async def explain(self, sender_id: str, text: str) -> Mapping[str, Any]:
        """Let the assistant say why it understands a text so."""
        return await self.assistant.explain(text)

    async def accept(self, message: UserMessage) -> None:
        """Let the assistant take a message to be served soon."""
        await self.assistant.accept(message)

    async def tracker(self, sender_id: str) -> Tracker:
        """The current session of a conversation."""
        return await self.assistant.tracker(sender_id)


async def _retire(assistant: Assistant) -> None:
    """Let the turns of a replaced assistant end, then give back what it alone used."""
    try:
        await asyncio.wait_for(assistant.worker.finish(), DRAIN_S)
    except TimeoutError:
        logger.warning("model.swapped: turns of the old model took more than %.0f s.", DRAIN_S)
    await assistant.release()
