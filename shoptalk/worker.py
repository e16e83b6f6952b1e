"""Serving conversations through a store: accept, lease, run the turn, commit; safe among other workers.

A message is served by whichever worker gets the lease on its sender's inbox; whoever waits for the replies gets them
through the store. A turn that fails is tried again, and after the last attempt the user is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from shoptalk.actions.base import Sink
from shoptalk.core.domain import ACTION_LISTEN, ACTION_SESSION_START
from shoptalk.core.events import (
    ActionExecuted,
    BotUttered,
    Event,
    ReminderScheduled,
    SessionStarted,
    UserUttered,
    decode,
)
from shoptalk.core.messages import BotMessage, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.errors import LeaseLost, StoreError, Timeout, Unavailable
from shoptalk.history import snapshot_of, tracker_of
from shoptalk.recent import Recent
from shoptalk.reminders import deferred_reminders
from shoptalk.stores.base import Deferred, Json, StoredMessage, TrackerStore, Turn
from shoptalk.turn import Engine, Run, TurnRecord

logger = logging.getLogger(__name__)

Deliver = Callable[[StoredMessage, Sequence[BotMessage]], Sequence[Json]]
"""The outbox entries for a message's replies; none for channels that answer in the request itself."""
Watch = Callable[[TurnRecord], None]
"""Told of every committed turn."""
POLL_S = 5.0
"""How long a wait for another worker lasts before the inbox is looked at again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take.

    Args:
        turn_s: a turn; one that takes longer is given up.
        wait_s: a caller waits for the replies of a message that another worker serves.
        attempts: a message is served at most so often; then it is answered with an apology.
        extend_s: how often a running turn renews its lease.
        threads: for understanding texts; more than one only takes turns with the others, as Python has one lock.
    """

    turn_s: float = 60.0
    wait_s: float = 60.0
    attempts: int = 3
    extend_s: float = 2.0
    threads: int = 1


class Worker:
    """Serves the inboxes of a store.

    Args:
        engine: what turns are made of.
        store: keeps conversations.
        limits: bounds in time.
        deliver: makes outbox entries of replies.
        watch: told of every committed turn.
        failure: what is said when a message could not be served at all.
    """

    def __init__(
        self,
        engine: Engine,
        store: TrackerStore,
        limits: Limits,
        deliver: Deliver | None = None,
        watch: Watch | None = None,
        failure: str = "Sorry, something went wrong. Please try again.",
    ) -> None:
        self.engine, self.store, self.limits = engine, store, limits
        self.deliver, self.watch, self.failure = deliver, watch, failure
        self._running: set[asyncio.Future[Any]] = set()
        self._recent = Recent(engine.domain)

    async def submit(self, message: StoredMessage, sink: Sink | None = None) -> list[BotMessage]:
        """Accept a message and see to it that it is answered, here or by another worker.

        Raises:
            Overloaded: too many messages of this sender are waiting.
            Unavailable: conversations cannot be stored now.
            Timeout: nobody answered in time.
        """
        accepted = await self.store.accept(message)
        if accepted.state == "done":
            return accepted.replies or []
        until = time.monotonic() + self.limits.wait_s
        while time.monotonic() < until:
            turn = await self._begin(message.sender_id)
            if turn is None:
                replies = await self._wait(message, until)
            else:
                own = (turn.message.channel, turn.message.message_id) == (message.channel, message.message_id)
                served = await self._shielded(self.serve(turn, sink if own else None, raises=own))
                replies = served if own else None
            if replies is not None:
                return replies
        raise Timeout(f"Message {message.message_id!r} was not answered within {self.limits.wait_s:.0f} s.")

    async def serve(
        self, turn: Turn, sink: Sink | None = None, *, raises: bool = True
    ) -> list[BotMessage] | None:
        """Do what the head of an inbox asks for, and commit it.

        Args:
            turn: the right to extend the conversation.
            sink: hears the replies as they are made.
            raises: let failures through; otherwise the message just stays where it is, or gets its apology.

        Returns:
            The replies, or None when the turn came to nothing here.
        """
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(self.limits.turn_s), self._leased(turn):
                run = await self._open(turn, sink)
                await perform(run, turn.message)
                await self._commit(turn, run)
        except asyncio.CancelledError:
            await _release(turn)
            raise
        except LeaseLost:
            logger.warning("turn.lost: another worker has taken over.")
            return None
        except TimeoutError:
            late = Timeout(f"A turn took longer than {self.limits.turn_s:.0f} s and was given up.")
            return await self._failed(turn, late, raises=raises)
        except Exception as error:
            # The turn boundary: whatever went wrong, a message must not block its sender's inbox for ever.
            return await self._failed(turn, error, raises=raises)
        run.record.timings_ms["total"] = (time.perf_counter() - begin) * 1000
        logger.info("turn.committed", extra={"ms": round(run.record.timings_ms["total"], 1)})
        if self.watch is not None:
            self.watch(run.record)
        return run.record.replies

    async def drain(self, sender_id: str) -> int:
        """Serve what waits in a sender's inbox; returns how many messages were served."""
        served = 0
        while (turn := await self._begin(sender_id)) is not None:
            if await self.serve(turn, raises=False) is None:
                break
            served += 1
        return served

    async def drain_stalled(self, limit: int = 100) -> int:
        """Serve messages that were accepted and that nobody serves, as when a worker died; returns how many."""
        return sum([await self.drain(sender) for sender in await self.store.stalled(limit)])

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Run something to its end, whoever waits for it."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def finish(self) -> None:
        """Wait for what is running."""
        if self._running:
            await asyncio.wait(set(self._running))

    async def load(self, sender_id: str) -> Tracker:
        """The current session of a conversation."""
        tracker = tracker_of(sender_id, await self.store.load(sender_id), self.engine.domain)
        return await self._recall(sender_id) if tracker.ran_out else tracker

    # ------------------------------------------------------------------------------------------------- one turn

    async def _begin(self, sender_id: str) -> Turn | None:
        known = self._recent.known(sender_id)
        return await (self.store.begin_turn(sender_id, known) if known else self.store.begin_turn(sender_id))

    async def _open(self, turn: Turn, sink: Sink | None) -> Run:
        message = turn.message
        tracker = self._recent.tracker(message.sender_id, turn.conversation)
        if tracker is None:
            tracker = await self.load(message.sender_id)
        if tracker.ran_out:
            tracker = await self._recall(message.sender_id)
        return Run(
            self.engine,
            tracker,
            message.channel,
            sink,
            message.message_id,
            lambda: self._recall(message.sender_id),
        )

    async def _recall(self, sender_id: str) -> Tracker:
        return tracker_of(sender_id, await self.store.load(sender_id, full=True), self.engine.domain)

    async def _commit(self, turn: Turn, run: Run) -> None:
        begin = time.perf_counter()
        record, message = run.record, turn.message
        cancelled, reminders = await deferred_reminders(
            self.store.reminders, message.sender_id, message.channel, record.events
        )
        stored_tail = turn.conversation.length - turn.conversation.first_index + len(record.events)
        await turn.commit(
            [event.as_dict() for event in record.events],
            record.replies,
            snapshot_of(run.tracker, self.engine.domain, stored_tail),
            Deferred(self._outbox(message, record.replies), reminders, cancelled),
        )
        record.timings_ms["store"] = (time.perf_counter() - begin) * 1000

    def _outbox(self, message: StoredMessage, replies: Sequence[BotMessage]) -> Sequence[Json]:
        return self.deliver(message, replies) if self.deliver is not None and replies else ()

    async def _failed(self, turn: Turn, failure: Exception, *, raises: bool) -> list[BotMessage] | None:
        """A turn failed: it will be tried again, or after the last attempt the user is told."""
        logger.error("turn.failed", exc_info=failure)
        message = turn.message
        if turn.attempt < self.limits.attempts or isinstance(failure, Unavailable):
            await _release(turn)
            if raises:
                raise failure
            return None
        replies: list[BotMessage] = [{"text": self.failure}]
        events = [event.as_dict() for event in _given_up(turn, self.failure)]
        await turn.commit(events, replies, None, Deferred(self._outbox(message, replies)))
        return replies

    @contextlib.asynccontextmanager
    async def _leased(self, turn: Turn) -> AsyncIterator[None]:
        """Renew the lease while the block runs; the block ends with `LeaseLost` when that fails."""
        block = asyncio.current_task()
        lost: list[LeaseLost] = []

        async def keep() -> None:
            while not lost:
                await asyncio.sleep(self.limits.extend_s)
                try:
                    await turn.extend()
                except LeaseLost as error:
                    lost.append(error)
                except Unavailable:
                    logger.warning("turn.extend_failed: the store does not answer.")
            if block is not None:
                block.cancel()

        keeper = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if not lost:
                raise
            if block is not None:
                block.uncancel()
            raise lost[0] from None
        finally:
            keeper.cancel()

    async def _wait(self, message: StoredMessage, until: float) -> list[BotMessage] | None:
        """Wait until a message is answered elsewhere, or its sender's turn may be free."""
        seconds = max(0.01, min(POLL_S, until - time.monotonic()))
        place = (message.channel, message.sender_id, message.message_id)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self.store.wait_for_replies(*place, seconds)),
            asyncio.create_task(self.store.wait_for_turn(message.sender_id, seconds)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for task in done:
            if task.result() is not None:
                return list(task.result())
        accepted = await self.store.accept(message)
        return accepted.replies or [] if accepted.state == "done" else None

    async def _shielded(self, work: Coroutine[Any, Any, list[BotMessage] | None]) -> list[BotMessage] | None:
        """Let a turn finish even when whoever asked for it has gone."""
        replies: list[BotMessage] | None = await asyncio.shield(self.start(work))
        return replies


async def perform(run: Run, message: StoredMessage) -> None:
    """Do what a stored message asks for; `kind` says what that is."""
    body = message.body
    match body.get("kind", "message"):
        case "message":
            await run.message(message_of(message), answer=body.get("answer", True))
        case "trigger":
            await run.trigger(body["intent"], body.get("entities"))
        case "reminder":
            reminder = decode(body["event"])
            if isinstance(reminder, ReminderScheduled):
                await run.remind(reminder)
        case "execute":
            await run.execute(body["action"], body.get("policy"), body.get("confidence"))
        case "events":
            events = [decode(event) for event in body["events"]]
            if not _begin_session(events):
                await run.session(only_if_new=True)
            run.apply(*events, restamp=False)
            if body.get("say"):
                await run.say(events)
        case "session":
            await run.session()


def _given_up(turn: Turn, apology: str) -> list[Event]:
    """What is kept of a message that could not be served: that it was said, and that it was not understood."""
    message = turn.message
    listen = ActionExecuted(name=ACTION_LISTEN)
    begun: list[Event] = [ActionExecuted(name=ACTION_SESSION_START), SessionStarted(), listen]
    said = UserUttered(
        text=str(message.body.get("text") or ""), input_channel=message.channel, message_id=message.message_id
    )
    return [*([] if turn.conversation.length else begun), said, BotUttered(text=apology), listen]


def stored(message: UserMessage, *, answer: bool = True, deliver: bool = False) -> StoredMessage:
    """A user's message as it waits in an inbox; with `deliver` the replies go out through its channel."""
    body = {
        "kind": "message",
        "text": message.text,
        "metadata": dict(message.metadata),
        "parse_data": message.parse_data,
        "answer": answer,
        **({"deliver": True} if deliver else {}),
    }
    return StoredMessage(message.channel, message.sender_id, message.message_id, body)


def message_of(waiting: StoredMessage) -> UserMessage:
    """The user's message that `stored` made."""
    body = waiting.body
    return UserMessage(
        text=str(body.get("text") or ""),
        sender_id=waiting.sender_id,
        message_id=waiting.message_id,
        channel=waiting.channel,
        metadata=body.get("metadata") or {},
        parse_data=body.get("parse_data"),
    )


def _begin_session(events: Sequence[Event]) -> bool:
    match events[:2]:
        case [ActionExecuted(name=name), SessionStarted()]:
            return name == ACTION_SESSION_START
    return False


async def _release(turn: Turn) -> None:
    with contextlib.suppress(StoreError):
        await turn.release()
