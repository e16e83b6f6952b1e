"""Tells the event broker of endpoints.yml what happened in every committed turn."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from shoptalk.core.events import Event
from shoptalk.errors import Unavailable
from shoptalk.stores.broker import EventBroker
from shoptalk.turn import TurnRecord

logger = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
MOST_WAITING = 10_000
"""Turns that wait for a broker that is away; beyond that the oldest are dropped, and that is logged."""


class Publisher:
    """Queues the events of turns and publishes them in order; a broker that is away never holds a turn up.

    Args:
        broker: where they go.
    """

    def __init__(self, broker: EventBroker) -> None:
        self._broker = broker
        self._waiting: deque[tuple[str, list[Event]]] = deque()
        self._news = asyncio.Event()

    def watch(self, record: TurnRecord) -> None:
        """Take a committed turn's events."""
        if not record.events:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            logger.error("broker.dropped a turn's events: %d turns are waiting.", MOST_WAITING)
        self._waiting.append((record.tracker.sender_id, list(record.events)))
        self._news.set()

    async def run(self) -> None:
        """Publish until cancelled; then try once more what is left."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._publish_all()
        finally:
            await self._leave()

    async def _publish_all(self) -> None:
        wait_s = FIRST_WAIT_S
        while self._waiting:
            try:
                await self._publish_next()
                wait_s = FIRST_WAIT_S
            except Unavailable as error:
                logger.warning("broker.away, trying again in %.0f s: %s", wait_s, error)
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    async def _publish_next(self) -> None:
        sender_id, events = self._waiting[0]
        await self._broker.publish(sender_id, [event.as_dict() for event in events])
        if self._waiting and self._waiting[0][1] is events:
            self._waiting.popleft()

    async def _leave(self) -> None:
        try:
            while self._waiting:
                await self._publish_next()
        except Unavailable as error:
            logger.error("broker.lost the events of %d turns: %s", len(self._waiting), error)
        await self._broker.close()
