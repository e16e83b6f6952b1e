"""An assistant: a trained model, its actions, and a store of conversations.

`handle` takes one message all the way: into its sender's inbox, through the turn (`shoptalk.turn.Run`), into the
store (`shoptalk.worker.Worker`). `turn` is the same without a store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from shoptalk.actions.base import Sink
from shoptalk.actions.runner import ActionRunner
from shoptalk.core.domain import Domain
from shoptalk.core.events import Event
from shoptalk.core.messages import BotMessage, ParseData, UserMessage
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction
from shoptalk.errors import StoreError
from shoptalk.history import full_tracker
from shoptalk.nlu.regex_message import read_literal
from shoptalk.stores.base import Reminder, StoredMessage, TrackerStore
from shoptalk.stores.memory import MemoryTrackerStore
from shoptalk.together import Together
from shoptalk.turn import Engine, Run, TurnRecord
from shoptalk.worker import Deliver, Limits, Watch, Worker, stored

if TYPE_CHECKING:
    from shoptalk.model import Model

logger = logging.getLogger(__name__)

COLLECTOR = "collector"
"""Channel of what is said to a caller of the API, by Rasa's name."""
SHORT = 200
"""Characters of a text that a light pipeline may be asked about without a thread."""


class Dialogue(Protocol):
    """Scores what to do next.

    `is_light`, when it has it and it is true, says that predicting takes no time to speak of (no thread is used).
    """

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        """The winning prediction."""
        ...


class Pipeline(Protocol):
    """Understands texts.

    `is_light`, when it has it and it is true, says that a short text takes about a millisecond (no thread is used).
    """

    def parse(self, texts: Sequence[str], explain: bool = False) -> list[dict[str, Any]]:
        """Rasa's parse results, one a text."""
        ...


class Assistant:
    """Answers messages.

    Args:
        domain: what it knows.
        dialogue: scores actions; None for an assistant that only understands.
        pipeline: understands texts; without one only `/intent{...}` messages mean something.
        actions: runs actions; the domain's own, without custom actions, by default.
        store: keeps conversations; in memory by default.
        marks: metadata of every event (`model_id`, `assistant_id`).
        deliver: makes outbox entries of replies.
        watch: told of every committed turn.
        limits: bounds in time.
    """

    def __init__(
        self,
        domain: Domain,
        dialogue: Dialogue | None,
        pipeline: Pipeline | None = None,
        actions: ActionRunner | None = None,
        *,
        store: TrackerStore | None = None,
        marks: Mapping[str, Any] | None = None,
        deliver: Deliver | None = None,
        watch: Watch | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.domain, self.dialogue, self.pipeline = domain, dialogue, pipeline
        self.actions = actions if actions is not None else ActionRunner(domain)
        self.store = cast(TrackerStore, MemoryTrackerStore()) if store is None else store
        self.engine = Engine(
            domain=domain,
            actions=self.actions,
            predict=self._predict if dialogue is not None else None,
            understand=self.parse,
            marks=dict(marks or {}),
        )
        limits = limits or Limits()
        self.worker = Worker(self.engine, self.store, limits, deliver, watch)
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="model")
        is_light = pipeline is not None and getattr(pipeline, "is_light", False)
        self._together = Together(pipeline.parse) if pipeline is not None and is_light else None

    @classmethod
    def from_model(cls, model: Model, actions: ActionRunner | None = None, **options: Any) -> Self:
        """The assistant a trained model makes; options as for the class."""
        marks = {"model_id": model.model_id}
        if model.assistant_id:
            marks["assistant_id"] = model.assistant_id
        return cls(model.domain, model.dialogue, model.pipeline, actions, marks=marks, **options)

    # ------------------------------------------------------------------------------------------------- messages

    async def handle(self, message: UserMessage, sink: Sink | None = None) -> list[BotMessage]:
        """Serve a message and return the replies; a repeated message gets the replies it got before.

        Args:
            message: of a user.
            sink: hears the replies as they are made (only when this very process serves the message).

        Raises:
            Overloaded: too many messages of this sender are waiting.
            Unavailable: conversations cannot be stored now.
            Timeout: the turn took too long.
        """
        return await self.worker.submit(stored(message), sink)

    async def accept(self, message: UserMessage) -> None:
        """Take a message now and serve it soon; replies go through the outbox.

        Raises:
            Overloaded, Unavailable: as `handle`.
        """
        await self.store.accept(stored(message, deliver=True))
        self.worker.start(self.worker.drain(message.sender_id))

    async def turn(
        self, tracker: Tracker, message: UserMessage, sink: Sink | None = None, *, answer: bool = True
    ) -> TurnRecord:
        """One turn on a tracker, which is changed; no store is involved.

        Args:
            tracker: the conversation.
            message: what the user said.
            sink: hears the replies as they are made.
            answer: False logs the message and fills slots, and predicts nothing.
        """
        begin = time.perf_counter()
        run = Run(self.engine, tracker, message.channel, sink, message.message_id)
        record = await run.message(message, answer=answer)
        record.timings_ms["total"] = (time.perf_counter() - begin) * 1000
        return record

    async def log_message(self, message: UserMessage) -> None:
        """Log a message and fill slots without answering."""
        await self.worker.submit(stored(message, answer=False))

    # ----------------------------------------------------------------------------------------- other beginnings

    async def trigger(
        self,
        sender_id: str,
        intent: str,
        entities: Any = None,
        *,
        channel: str = COLLECTOR,
        sink: Sink | None = None,
    ) -> list[BotMessage]:
        """Act as if the user had meant an intent; returns what is said.

        Args:
            sender_id: whose conversation.
            intent: of the domain.
            entities: a list of entities, or {name: value}.
            channel: where the answer goes; responses may depend on it.
            sink: hears the replies as they are made.
        """
        body = {"kind": "trigger", "intent": intent, "entities": entities}
        return await self._submit(sender_id, channel, body, sink)

    async def execute(
        self,
        sender_id: str,
        action: str,
        policy: str | None = None,
        confidence: float | None = None,
        *,
        channel: str = COLLECTOR,
    ) -> list[BotMessage]:
        """Run one action in a conversation; returns what is said.

        Raises:
            NotFound: the domain has no such action.
        """
        self.actions.action(action)
        body = {"kind": "execute", "action": action, "policy": policy, "confidence": confidence}
        return await self._submit(sender_id, channel, body)

    async def add_events(
        self, sender_id: str, events: Sequence[Event], *, say: bool = False, channel: str = COLLECTOR
    ) -> list[BotMessage]:
        """Add events to a conversation as they are; a new one gets its session start first.

        Args:
            sender_id: whose conversation.
            events: in order; they keep their times.
            say: send the bot messages among them.
            channel: where they go.
        """
        body = {"kind": "events", "events": [event.as_dict() for event in events], "say": say}
        return await self._submit(sender_id, channel, body)

    async def remind(self, reminder: Reminder) -> list[BotMessage]:
        """Act on a reminder that is due, once."""
        body = {"kind": "reminder", "event": reminder.body["event"]}
        identity = f"reminder:{reminder.name}:{reminder.due}"
        replies = await self._submit(
            reminder.sender_id, str(reminder.body["channel"]), body, message_id=identity
        )
        await self.store.reminders.done(reminder)
        return replies

    async def serve_reminders(self, every_s: float = 1.0) -> None:
        """Act on reminders as they come due, until cancelled."""
        while True:
            try:
                for reminder in await self.store.reminders.due(time.time()):
                    await self.remind(reminder)
            except StoreError as error:
                logger.warning("reminders.store_failed: %s", error)
            await asyncio.sleep(every_s)

    async def serve_stalled(self, every_s: float = 5.0) -> None:
        """Serve messages that a worker left behind when it died, until cancelled."""
        while True:
            try:
                await self.worker.drain_stalled()
            except StoreError as error:
                logger.warning("stalled.store_failed: %s", error)
            await asyncio.sleep(every_s)

    async def _submit(
        self,
        sender_id: str,
        channel: str,
        body: Mapping[str, Any],
        sink: Sink | None = None,
        message_id: str | None = None,
    ) -> list[BotMessage]:
        identity = message_id or UserMessage("").message_id
        return await self.worker.submit(StoredMessage(channel, sender_id, identity, body), sink)

    # ------------------------------------------------------------------------------------------------- thinking

    async def parse(self, text: str) -> ParseData:
        """What a text means; spaces around it count for nothing."""
        text = text.strip()
        if self.pipeline is None:
            literal = read_literal(text, self.domain.intent_names, frozenset(self.domain.entities))
            return literal or {"text": text, "intent": {"name": None, "confidence": 0.0}, "entities": []}
        if self._together is not None and len(text) <= SHORT:
            return await self._together.parse(text)
        results = await asyncio.get_running_loop().run_in_executor(self._pool, self.pipeline.parse, [text])
        return results[0]

    async def explain(self, text: str) -> ParseData:
        """What a text means, and under `explain` why; takes as long as a parse for each of its words."""
        if self.pipeline is None:
            return await self.parse(text)
        pipeline, texts = self.pipeline, [text.strip()]
        loop = asyncio.get_running_loop()
        results = await loop.run_in_executor(self._pool, lambda: pipeline.parse(texts, explain=True))
        return results[0]

    async def predict_next(self, sender_id: str) -> tuple[Prediction | None, Tracker]:
        """What comes next in a conversation, and the tracker it was predicted on (its session begun if need be)."""
        await self._submit(sender_id, COLLECTOR, {"kind": "session"})
        tracker = await self.tracker(sender_id)
        return await self.predict(tracker), tracker

    async def predict(self, tracker: Tracker) -> Prediction | None:
        """What comes next on a tracker; a follow-up it holds is taken from it. None without policies."""
        return None if self.dialogue is None else await Run(self.engine, tracker).next_prediction()

    async def tracker(self, sender_id: str, *, full: bool = False, begun: bool = False) -> Tracker:
        """A conversation as it stands.

        Args:
            sender_id: whose.
            full: with every event ever, not only those of the current session.
            begun: show one that does not exist yet as if its session had just begun; nothing is stored.
        """
        if full:
            conversation = await self.store.load(sender_id, full=True)
            tracker = full_tracker(sender_id, conversation.events if conversation else (), self.domain)
        else:
            tracker = await self.worker.load(sender_id)
        if begun and not tracker.events:
            await Run(self.engine, tracker).session()
        return tracker

    async def _predict(self, tracker: Tracker) -> Prediction:
        assert self.dialogue is not None
        if getattr(self.dialogue, "is_light", False):
            return self.dialogue.predict(tracker, self.domain)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self.dialogue.predict, tracker, self.domain)

    async def close(self) -> None:
        """Finish running turns and give everything back."""
        await self.worker.finish()
        await self.release()
        await self.store.close()

    async def release(self) -> None:
        """Give back everything but the store, which another assistant may go on using."""
        await self.actions.close()
        self._pool.shutdown(wait=False)


def load(path: str | Path, actions: ActionRunner | None = None, **options: Any) -> Assistant:
    """The assistant of a trained model: an archive, or the newest one in a folder.

    Args:
        path: of the archive or folder.
        actions: runs actions; without it custom actions fail.
        options: as for `Assistant`.

    Raises:
        ArchiveError: there is none, or it is damaged.
    """
    from shoptalk import model

    return Assistant.from_model(model.load(Path(path)), actions, **options)
