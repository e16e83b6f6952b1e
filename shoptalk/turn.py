"""One turn of a conversation, without any store: what was said is logged, slots are filled, actions run.

`Run` is a turn in progress. It alone changes the tracker, and it records all it does.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from shoptalk.actions.base import Scene, Silent, Sink, Steps
from shoptalk.actions.responses import utter
from shoptalk.actions.runner import ActionRunner
from shoptalk.core.domain import ACTION_EXTRACT_SLOTS, ACTION_LISTEN, ACTION_SESSION_START, Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    BotUttered,
    Event,
    ReminderScheduled,
    SlotSet,
    UserUttered,
)
from shoptalk.core.messages import NO_CHANNEL, BotMessage, ParseData, UserMessage
from shoptalk.core.slots import SESSION_METADATA_SLOT
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import Prediction, Reason, one_hot
from shoptalk.errors import Rejected

logger = logging.getLogger(__name__)

FOLLOWUP_POLICY = "followup_action"
RESTART_INTENT = "restart"
EXTERNAL = "EXTERNAL: "
FAILED_RESPONSE = "utter_action_failed"
"""Said when an action failed, if the domain has it."""
LAST_ACTIONS = (ACTION_LISTEN, ACTION_SESSION_START)
"""A turn ends after one of these."""

OUTPUT_NAMES = {"rest": "collector", "cmdline": "collector"}
"""Channels whose answers go by another name when a response's variation is chosen, as with Rasa."""

Predict = Callable[[Tracker], Awaitable[Prediction]]
Recall = Callable[[], Awaitable[Tracker]]


class Understand(Protocol):
    """Turns a text into Rasa's parse result."""

    async def __call__(self, text: str) -> ParseData: ...


def max_predictions() -> int:
    """Actions a turn may run before it is stopped; MAX_NUMBER_OF_PREDICTIONS in the environment."""
    return int(os.environ.get("MAX_NUMBER_OF_PREDICTIONS", "10"))


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a turn, for the inspector."""

    action: str
    policy: str | None
    confidence: float
    reason: Reason | None
    ms: float
    outcome: str = "done"

    def as_dict(self) -> dict[str, Any]:
        """JSON for the inspector; `outcome` is done, rejected or failed."""
        return {
            "action": self.action,
            "policy": self.policy,
            "confidence": self.confidence,
            "reason": self.reason.as_dict() if self.reason else None,
            "ms": round(self.ms, 3),
            "outcome": self.outcome,
        }


@dataclass(slots=True)
class TurnRecord:
    """What a turn did.

    Args:
        tracker: the conversation after it.
        events: what is new.
        replies: what the assistant said, in order.
        steps: its actions with the reason for each.
        parse: what NLU made of the message.
        timings_ms: nlu, slots, predict, actions, store, total.
        text, at: of the message.
    """

    tracker: Tracker
    events: list[Event] = field(default_factory=list)
    replies: list[BotMessage] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    parse: ParseData = field(default_factory=dict)
    timings_ms: dict[str, float] = field(default_factory=dict)
    text: str | None = None
    at: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """JSON for the inspector."""
        return {
            "text": self.text,
            "at": self.at,
            "parse": self.parse,
            "steps": [step.as_dict() for step in self.steps],
            "events": [event.as_dict() for event in self.events],
            "timings_ms": {name: round(ms, 3) for name, ms in self.timings_ms.items()},
        }


@dataclass(frozen=True, slots=True)
class Engine:
    """What every turn of an assistant has in common.

    Args:
        domain: what the assistant knows.
        actions: runs actions.
        predict: scores the next action; None for an assistant that only understands.
        understand: parses texts.
        marks: metadata every event gets (model_id, assistant_id).
        limit: actions a turn may run.
    """

    domain: Domain
    actions: ActionRunner
    predict: Predict | None
    understand: Understand
    marks: Mapping[str, Any] = field(default_factory=dict)
    limit: int = field(default_factory=max_predictions)


class Run:
    """A turn in progress.

    Args:
        engine: what the assistant is made of.
        tracker: the conversation; it is changed.
        channel: where the answers go.
        sink: takes messages as they come.
        message_id: of what the turn answers; part of the idempotency keys of its calls to custom actions.
        recall: reads the whole session, for the rare turn that takes back more than `tracker` holds.
    """

    def __init__(
        self,
        engine: Engine,
        tracker: Tracker,
        channel: str = "",
        sink: Sink | None = None,
        message_id: str = "",
        recall: Recall | None = None,
    ) -> None:
        self.engine, self.tracker = engine, tracker
        self.record = TurnRecord(tracker)
        self._channel, self._recall = OUTPUT_NAMES.get(channel, channel), recall
        self._sink: Sink = sink or Silent()
        self._steps = Steps(tracker.sender_id, message_id)

    # ------------------------------------------------------------------------------------ what may begin a turn

    async def message(self, message: UserMessage, *, answer: bool = True) -> TurnRecord:
        """A user said something: understand it, fill slots, and (unless told not to) answer."""
        self.record.text = message.text
        await self.session(message.metadata)
        parse = message.parse_data
        if not parse:
            with self._timed("nlu"):
                parse = await self.engine.understand(message.text)
        self._check_names(parse)
        self.record.parse = parse
        base = {"message_id": message.message_id, "metadata": dict(message.metadata)}
        self.apply(
            UserUttered(
                text=message.text,
                parse_data={**base, **parse},
                input_channel=None if message.channel == NO_CHANNEL else message.channel,
                message_id=message.message_id,
                metadata=dict(message.metadata),
            )
        )
        if self.engine.predict is None:
            logger.warning("The model has no policies; the message is logged and nothing is answered.")
            return self.record
        await self.fill_slots()
        return await self.answer() if answer else self.record

    async def trigger(self, intent: str, entities: Any = None) -> TurnRecord:
        """Something happened outside: act as if the user had meant `intent`.

        Args:
            intent: of the domain.
            entities: a list of entities, or {name: value}.
        """
        await self.session()
        return await self._external(intent, entities)

    async def remind(self, reminder: ReminderScheduled) -> TurnRecord:
        """A reminder is due: act on it unless the conversation has moved on."""
        await self.session()
        if _is_outdated(reminder, self.tracker):
            logger.debug("Reminder %r is outdated.", reminder.name)
            return self.record
        return await self._external(reminder.intent, reminder.entities)

    async def execute(
        self, action: str, policy: str | None = None, confidence: float | None = None
    ) -> TurnRecord:
        """Run one action that somebody chose.

        Raises:
            NotFound: the domain has no such action.
        """
        self.engine.actions.action(action)
        await self.session()
        # What was read back has forgotten messages that a loop has dealt with; this action gets to see the last one.
        read = self.tracker
        lived = Tracker.from_events(read.sender_id, read.events, self.engine.domain, read.snapshot)
        self.tracker = self.record.tracker = lived
        await self._perform(
            action, Prediction(one_hot(action, self.engine.domain, confidence or 0.0), policy)
        )
        return self.record

    async def session(self, metadata: Mapping[str, Any] | None = None, *, only_if_new: bool = False) -> None:
        """Begin a session if there is none or the last one expired.

        Args:
            metadata: of the message; kept in the slot `session_started_metadata`.
            only_if_new: look at expiry no more than Rasa does for events that are added by hand.
        """
        tracker = self.tracker
        needed = not tracker.events if only_if_new else not tracker.applied or self._has_expired()
        if not needed:
            return
        is_first = not tracker.events
        if metadata:
            self.apply(SlotSet(name=SESSION_METADATA_SLOT, value=dict(metadata)))
        await self._perform(
            ACTION_SESSION_START, Prediction(one_hot(ACTION_SESSION_START, self.engine.domain))
        )
        if metadata and is_first and self.tracker.from_start:
            # The history begins with the session, as in a conversation that Rasa has read back.
            del self.record.events[0], self.tracker.events[0]

    async def answer(self) -> TurnRecord:
        """Predict and run actions until one of them waits for the user."""
        going = True
        while going and self._may_answer():
            if self._is_worn_out():
                logger.warning("turn.stopped after %d actions: circuit breaker tripped.", self.engine.limit)
                break
            with self._timed("predict"):
                prediction = await self.next_prediction()
            if prediction.is_end_to_end:
                await self.fill_slots()
            action = prediction.action(self.engine.domain)
            await self._perform(action, prediction)
            going = action not in LAST_ACTIONS
        return self.record

    async def fill_slots(self) -> None:
        """Run `action_extract_slots`; it leaves no trace of itself in the history."""
        with self._timed("slots"):
            events = await self.engine.actions.run(ACTION_EXTRACT_SLOTS, self._scene())
        await self.say(events)
        self.apply(*events)

    # ------------------------------------------------------------------------------------------- inside a turn

    def apply(self, *events: Event, restamp: bool = True) -> None:
        """Let events happen now.

        Args:
            events: in order.
            restamp: give them the present time; otherwise they keep their own.
        """
        for event in events:
            last = self.tracker.events[-1].timestamp if self.tracker.events else 0.0
            moment = max(time.time(), last + 1e-6) if restamp else event.timestamp
            marked = replace(event, timestamp=moment, metadata={**self.engine.marks, **event.metadata})
            self.tracker.apply(marked)
            self.record.events.append(marked)

    async def _external(self, intent: str, entities: Any) -> TurnRecord:
        self.record.text = f"{EXTERNAL}{intent}"
        if isinstance(entities, Mapping):
            entities = [{"entity": name, "value": value} for name, value in entities.items()]
        self.record.parse = {"intent": {"name": intent}, "entities": list(entities or [])}
        facts = {"is_external": True}
        self.apply(
            UserUttered(
                text=self.record.text,
                parse_data={**self.record.parse, "message_id": None, "metadata": facts},
                input_channel=self.tracker.latest_input_channel,
                metadata=facts,
            )
        )
        await self.fill_slots()
        return await self.answer()

    async def next_prediction(self) -> Prediction:
        """The prediction to follow: a follow-up that was asked for, or what the policies say."""
        tracker, domain = self.tracker, self.engine.domain
        wanted = tracker.followup_action
        if wanted:
            tracker.followup_action = None
            if wanted in domain.action_index:
                return Prediction(
                    one_hot(wanted, domain), FOLLOWUP_POLICY, reason=Reason("default", "follow-up")
                )
            logger.error("The follow-up action %r is not in the domain; the policies decide.", wanted)
        assert self.engine.predict is not None
        return await self.engine.predict(tracker)

    async def _perform(self, action: str, prediction: Prediction) -> None:
        begin = time.perf_counter()
        tracker = self.tracker
        if prediction.events:
            tracker = tracker.copy()
            tracker.apply_all(prediction.events)
        scene = self._scene(tracker)
        outcome, events = "done", list[Event]()
        try:
            events = await self.engine.actions.run(action, scene)
        except Rejected as refusal:
            logger.info("action.rejected %s: %s", action, refusal)
            outcome = "rejected"
        except Exception:
            # An action is foreign code: whatever it raises costs the user this action's answer, not the turn.
            logger.exception("action.failed %s: the turn goes on without its events.", action)
            outcome, events = "failed", await self._apologise(scene)
        if outcome == "rejected":
            self.apply(
                ActionExecutionRejected(
                    name=action, policy=prediction.policy, confidence=prediction.confidence
                )
            )
        else:
            self._log(action, prediction, events)
        ms = (time.perf_counter() - begin) * 1000
        self._add_time("actions", ms)
        self.record.steps.append(
            Step(action, prediction.policy, prediction.confidence, prediction.reason, ms, outcome)
        )
        if any(isinstance(event, UserUttered) for event in events):
            await self.fill_slots()
        await self.say(events)
        if self.tracker.ran_out and self._recall is not None:
            await self._remember(self._recall)

    def _log(self, action: str, prediction: Prediction, events: list[Event]) -> None:
        """What happened, in Rasa's order; an action that itself says it was rejected did not run."""
        if not any(isinstance(event, ActionExecutionRejected) for event in events):
            is_text = action in self.engine.domain.e2e_actions
            ran = ActionExecuted(
                name=None if is_text else action,
                action_text=action if is_text else None,
                policy=prediction.policy,
                confidence=prediction.confidence,
                hide_rule_turn=prediction.hide_rule_turn,
                metadata=prediction.action_metadata or {},
            )
            self.apply(*prediction.events, ran)
        self.apply(*events)

    async def _apologise(self, scene: Scene) -> list[Event]:
        if FAILED_RESPONSE not in self.engine.domain.responses:
            return []
        return await utter(FAILED_RESPONSE, scene, quiet=True)

    async def say(self, events: Iterable[Event]) -> None:
        """Send the bot messages among events."""
        for event in events:
            if isinstance(event, BotUttered):
                message = event.message()
                if "id" in event.metadata:
                    message["id"] = event.metadata["id"]
                self.record.replies.append(message)
                await self._sink.message(message)

    async def _remember(self, recall: Recall) -> None:
        """Begin again from the whole session: more was taken back than the tracker held."""
        tracker = await recall()
        tracker.apply_all(self.record.events)
        self.tracker = self.record.tracker = tracker

    def _scene(self, tracker: Tracker | None = None) -> Scene:
        engine = self.engine
        return Scene(
            tracker or self.tracker, engine.domain, engine.actions, self._channel, self._sink, self._steps
        )

    def _has_expired(self) -> bool:
        limit_min = self.engine.domain.session.expiration_min
        if limit_min <= 0:
            return False
        said = next((e for e in reversed(self.tracker.applied) if isinstance(e, UserUttered)), None)
        return said is not None and (time.time() - said.timestamp) / 60 > limit_min

    def _may_answer(self) -> bool:
        return not self.tracker.paused or self.tracker.latest_message.intent_name == RESTART_INTENT

    def _is_worn_out(self) -> bool:
        """Whether too many actions ran since the last one that waited, and yet another is due."""
        if self.tracker.latest_action_name in LAST_ACTIONS:
            return False
        ran = 0
        for event in reversed(self.tracker.events):
            if isinstance(event, ActionExecuted):
                if event.name in LAST_ACTIONS:
                    break
                ran += 1
        return ran >= self.engine.limit

    def _check_names(self, parse: ParseData) -> None:
        domain = self.engine.domain
        intent = (parse.get("intent") or {}).get("name")
        if intent and domain.intents and intent not in domain.intent_names:
            logger.warning("The domain has no intent %r, which was understood.", intent)

    def _timed(self, name: str) -> _Timer:
        return _Timer(self, name)

    def _add_time(self, name: str, ms: float) -> None:
        self.record.timings_ms[name] = self.record.timings_ms.get(name, 0.0) + ms


class _Timer:
    """Adds the time of a `with` block to a turn's record."""

    def __init__(self, run: Run, name: str) -> None:
        self._run, self._name = run, name

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._run._add_time(self._name, (time.perf_counter() - self._begin) * 1000)


def _is_outdated(reminder: ReminderScheduled, tracker: Tracker) -> bool:
    """Whether the conversation forgot the reminder, or the user spoke since and that cancels it."""
    if not any(isinstance(e, ReminderScheduled) and e.name == reminder.name for e in tracker.applied):
        return True
    if not reminder.kill_on_user_message:
        return False
    for event in reversed(tracker.events):
        if isinstance(event, ReminderScheduled) and event.name == reminder.name:
            return False
        if isinstance(event, UserUttered) and event.text:
            return True
    return True
