"""Replies on their way out: what a turn says to a messenger is written with the turn, and sent from there.

An entry is sent at least once, in the order of its conversation. One that fails for a while is tried again, longer
and longer after; one that cannot be sent is put aside where people find it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shoptalk.channels.base import (
    Addressed,
    Channel,
    Closing,
    answers_in_request,
    in_plain_words,
    parts,
    reads_custom,
)
from shoptalk.channels.outbound import DeliveryFailed
from shoptalk.core.messages import BotMessage
from shoptalk.errors import StoreError
from shoptalk.stores.base import Json, Outgoing, StoredMessage, TrackerStore
from shoptalk.worker import Deliver

logger = logging.getLogger(__name__)

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """Bounds of the worker.

    Args:
        parallel: entries being sent at a time, each of another conversation.
        send_s: for one entry; less than the time after which a store hands a claimed entry out again.
        attempts: an entry is tried at most so often.
        first_delay_s, longest_delay_s: before the second and before later attempts; it doubles in between.
        wait_s: how long one look into the outbox waits.
        away_s: pause after the store did not answer.
    """

    parallel: int = 50
    send_s: float = 30.0
    attempts: int = 8
    first_delay_s: float = 1.0
    longest_delay_s: float = 300.0
    wait_s: float = 5.0
    away_s: float = 1.0


def deliver_for(channels: Sequence[Channel]) -> Deliver:
    """What makes outbox entries of a turn's replies, for channels that send.

    A message that came in by a request which is answered itself makes none; a reminder and what the API triggers do.
    """
    sending = {channel.name: channel for channel in channels if not answers_in_request(channel)}

    def deliver(message: StoredMessage, replies: Sequence[BotMessage]) -> Sequence[Json]:
        channel = sending.get(message.channel)
        is_answered = message.body.get("kind", "message") == "message" and not message.body.get("deliver")
        if channel is None or is_answered:
            return ()
        metadata = message.body.get("metadata") or {}
        recipient = recipient_of(channel, message.sender_id, metadata)
        entries: list[Json] = []
        for reply in replies:
            for part in parts(reply if reads_custom(channel) else in_plain_words(reply)):
                part["id"] = f"{message.message_id}:{len(entries)}"
                entries.append({"channel": channel.name, "recipient": recipient, "message": part})
        return entries

    return deliver


def recipient_of(channel: Channel, sender_id: str, metadata: Mapping[str, Any]) -> str:
    """Where a channel sends a sender's replies; "" when it cannot tell."""
    return channel.recipient(sender_id, metadata) if isinstance(channel, Addressed) else sender_id


class OutboxWorker:
    """Sends what the outbox of a store holds.

    Args:
        store: gives the store; None as long as there is none.
        channels: that may send.
        options: bounds.
    """

    def __init__(
        self,
        store: Callable[[], TrackerStore | None],
        channels: Sequence[Channel],
        options: DeliveryOptions | None = None,
    ) -> None:
        self._find, self.options = store, options or DeliveryOptions()
        self._channels = {channel.name: channel for channel in channels}
        self._consumer = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._running: set[asyncio.Task[None]] = set()
        self._sent: OrderedDict[str, None] = OrderedDict()

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished first."""
        task = asyncio.current_task()
        try:
            # `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes just as its wait ends.
            while task is None or not task.cancelling():
                store = self._find()
                if store is None:
                    await asyncio.sleep(self.options.away_s)
                else:
                    await self._round(store)
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=self.options.send_s)
            for channel in self._channels.values():
                if isinstance(channel, Closing):
                    await channel.close()

    async def _round(self, store: TrackerStore) -> None:
        free = self.options.parallel - len(self._running)
        if free <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return
        try:
            entries = await store.outbox.claim(self._consumer, free, self.options.wait_s)
        except StoreError as error:
            logger.warning("outbox.store_failed: %s", error)
            await asyncio.sleep(self.options.away_s)
            return
        for entry in entries:
            task = asyncio.create_task(self._serve(store, entry))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _serve(self, store: TrackerStore, entry: Outgoing) -> None:
        try:
            if entry.entry_id not in self._sent:
                failure = await self._attempt(store, entry)
                if failure is not None:
                    await self._failed(store, entry, failure)
                    return
                self._remember(entry.entry_id)
            await store.outbox.done(entry)
        except StoreError as error:
            # The entry comes back; if it was sent, that is remembered, and it is not sent again from here.
            logger.warning("outbox.store_failed: %s", error)

    async def _attempt(self, store: TrackerStore, entry: Outgoing) -> DeliveryFailed | None:
        """Send an entry; what went wrong, if anything did."""
        channel = self._channels.get(str(entry.body.get("channel")))
        if channel is None:
            return DeliveryFailed("This server has no such channel; another one may.", again=True)
        try:
            known = str(entry.body.get("recipient") or "")
            recipient = known or await last_place(store, channel, entry.sender_id)
            if not recipient:
                return DeliveryFailed(
                    "Where this sender is cannot be told: they have not written yet.", again=False
                )
            async with asyncio.timeout(self.options.send_s):
                await channel.send(recipient, entry.body["message"])
        except DeliveryFailed as error:
            return error
        except TimeoutError:
            return DeliveryFailed(f"{channel.name}: sending took too long.", again=True)
        except StoreError:
            raise
        except Exception:
            # A channel may be a user's own: whatever it raises must not stop the outbox.
            logger.exception("delivery.crashed %s", channel.name)
            return DeliveryFailed(f"{channel.name}: its code failed.", again=True)
        return None

    async def _failed(self, store: TrackerStore, entry: Outgoing, failure: DeliveryFailed) -> None:
        outbox = store.outbox
        if not failure.again or entry.attempt >= self.options.attempts:
            logger.error("delivery.given_up after %d: %s", entry.attempt, failure.message)
            await outbox.bury(entry, failure.message)
            return
        doubled = self.options.first_delay_s * 2.0 ** (entry.attempt - 1)
        delay = max(
            min(doubled, self.options.longest_delay_s) * random.uniform(0.75, 1.25), failure.after_s or 0.0
        )
        logger.warning(
            "delivery.failed attempt %d, again in %.1f s: %s", entry.attempt, delay, failure.message
        )
        await outbox.retry(entry, delay)

    def _remember(self, entry_id: str) -> None:
        self._sent[entry_id] = None
        while len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)


async def last_place(store: TrackerStore, channel: Channel, sender_id: str) -> str:
    """Where a sender wrote last by a channel, for what nobody asked for (reminders, triggers)."""
    for full in (False, True):
        conversation = await store.load(sender_id, full=full)
        for event in reversed(conversation.events if conversation else ()):
            if event.get("event") == "user" and event.get("input_channel") == channel.name:
                place = recipient_of(channel, sender_id, event.get("metadata") or {})
                if place:
                    return place
    return ""
