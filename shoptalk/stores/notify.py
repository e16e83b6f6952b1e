"""Waking up those who wait for something in Redis: one subscribed connection per process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any

from redis import exceptions

from shoptalk.errors import StoreError
from shoptalk.stores.redis_link import RedisLink

logger = logging.getLogger(__name__)

_QUIET_S = 30.0
_RECONNECT_S = 0.2
_CANCEL_S = 0.1
_IDLE_CHANNELS = 256  # whoever waits for a sender often waits for them again soon
_LOST = (exceptions.RedisError, StoreError, OSError, TimeoutError)


class Notifier:
    """Wakes listeners of a channel whenever something may have happened there.

    A listener is also woken when its subscription takes hold and when the connection was lost, so
    the pattern "listen, look, wait, look again" misses nothing. The connection is opened with the
    first listener.
    """

    def __init__(self, link: RedisLink, keep_alive: str) -> None:
        self._link = link
        self._keep_alive = keep_alive
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self._idle: OrderedDict[str, None] = OrderedDict()  # subscribed, without a listener just now
        self._pubsub: Any = None
        self._reader: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def listen(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set at every notification on `channel`; the listener clears it."""
        event = asyncio.Event()
        known = channel in self._listeners
        self._listeners.setdefault(channel, set()).add(event)
        self._idle.pop(channel, None)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name="shoptalk-store-notifier")
        elif not known:
            await self._send("subscribe", channel)
        try:
            yield event
        finally:
            self._listeners[channel].discard(event)
            if not self._listeners[channel]:
                self._idle[channel] = None
                await self._trim()

    async def close(self) -> None:
        """Stop listening."""
        reader, self._reader = self._reader, None
        while reader is not None and not reader.done():
            reader.cancel()  # again, as a cancellation that meets the end of a read in the client is lost
            await asyncio.wait([reader], timeout=_CANCEL_S)

    async def _trim(self) -> None:
        while len(self._idle) > _IDLE_CHANNELS:
            channel, _ = self._idle.popitem(last=False)
            del self._listeners[channel]
            await self._send("unsubscribe", channel)

    async def _send(self, verb: str, channel: str) -> None:
        async with self._sending:
            if self._pubsub is None or (verb == "unsubscribe") is (channel in self._listeners):
                return
            with contextlib.suppress(*_LOST):  # the reader notices a lost connection and subscribes anew
                await getattr(self._pubsub, verb)(channel)

    async def _read(self) -> None:
        while True:
            try:
                await self._read_until_lost()
            except _LOST as error:
                logger.info("store.notifier_lost", extra={"why": str(error)})
            self._wake(*self._listeners)
            await asyncio.sleep(_RECONNECT_S)

    async def _read_until_lost(self) -> None:
        pubsub = await self._link.pubsub()
        try:
            async with self._sending:
                await pubsub.subscribe(self._keep_alive, *self._listeners)
                self._pubsub = pubsub
            while True:
                message = await pubsub.get_message(timeout=_QUIET_S)
                if message is not None:
                    self._wake(message["channel"].decode())
        finally:
            self._pubsub = None
            with contextlib.suppress(*_LOST):
                await pubsub.aclose()

    def _wake(self, *channels: str) -> None:
        for channel in channels:
            for event in self._listeners.get(channel, ()):
                event.set()


async def settle(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event at most `timeout_s`, and clear it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    event.clear()
