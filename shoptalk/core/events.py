"""Facts of a conversation, immutable. Their wire form is Rasa's JSON (event field by field).

`decode` keeps an event of unknown kind as it stands, unless told to be strict.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from shoptalk.core.messages import ParseData
from shoptalk.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Args:
        timestamp: seconds since the epoch.
        metadata: what else is known; never interpreted.
    """

    kind: ClassVar[str] = ""
    timestamp: float = field(default_factory=time.time, compare=False)
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def payload(self) -> dict[str, Any]:
        """The keys of the wire form that belong to this kind alone."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """The wire form."""
        out: dict[str, Any] = {"event": self.kind, "timestamp": self.timestamp}
        if self.metadata:
            out["metadata"] = dict(self.metadata)
        out.update(self.payload())
        return out

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        """The event of this kind that a wire form stands for."""
        return cls(**common)


@dataclass(frozen=True, slots=True)
class UserUttered(Event):
    """The user said something. `parse_data` is what NLU made of it."""

    kind: ClassVar[str] = "user"
    text: str | None = None
    parse_data: ParseData = field(default_factory=dict)
    input_channel: str | None = None
    message_id: str | None = None

    @property
    def intent(self) -> dict[str, Any]:
        """The winning intent: name and confidence."""
        return self.parse_data.get("intent") or {}

    @property
    def intent_name(self) -> str | None:
        """Name of the winning intent."""
        return self.intent.get("name")

    @property
    def entities(self) -> list[dict[str, Any]]:
        """The entities found, in the order of their extractors."""
        return self.parse_data.get("entities") or []

    def payload(self) -> dict[str, Any]:
        base: dict[str, Any] = {
            "intent": {},
            "entities": [],
            "text": self.text,
            "message_id": self.message_id,
        }
        return {
            "text": self.text,
            "parse_data": {**base, "metadata": dict(self.metadata), **self.parse_data},
            "input_channel": self.input_channel,
            "message_id": self.message_id,
            "metadata": dict(self.metadata),
        }

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(
            text=data.get("text"),
            parse_data=dict(data.get("parse_data") or {}),
            input_channel=data.get("input_channel"),
            message_id=data.get("message_id"),
            **common,
        )


BOT_DATA_KEYS = ("elements", "quick_replies", "buttons", "attachment", "image", "custom")


@dataclass(frozen=True, slots=True)
class BotUttered(Event):
    """The assistant said something. `data` has the six keys of `BOT_DATA_KEYS`, null where unused."""

    kind: ClassVar[str] = "bot"
    text: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        return {"text": self.text, "data": dict(self.data), "metadata": dict(self.metadata)}

    def message(self) -> dict[str, Any]:
        """What a channel is given to send."""
        return {"text": self.text, **self.data, "metadata": dict(self.metadata)}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(text=data.get("text"), data=dict(data.get("data") or {}), **common)


@dataclass(frozen=True, slots=True)
class SlotSet(Event):
    """A slot has a new value; None empties it."""

    kind: ClassVar[str] = "slot"
    name: str
    value: Any = None

    def payload(self) -> dict[str, Any]:
        return {"name": self.name, "value": self.value}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(name=_need(data, "name"), value=data.get("value"), **common)


@dataclass(frozen=True, slots=True)
class ActionExecuted(Event):
    """An action ran. End-to-end actions have a text and no name."""

    kind: ClassVar[str] = "action"
    name: str | None = None
    policy: str | None = None
    confidence: float | None = None
    action_text: str | None = None
    hide_rule_turn: bool = False

    @property
    def name_or_text(self) -> str | None:
        """What a prediction compares: the name, or the text of an end-to-end action."""
        return self.name or self.action_text

    def payload(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "policy": self.policy,
            "confidence": self.confidence,
            "action_text": self.action_text,
            "hide_rule_turn": self.hide_rule_turn,
        }

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(
            name=data.get("name"),
            policy=data.get("policy"),
            confidence=data.get("confidence"),
            action_text=data.get("action_text"),
            hide_rule_turn=bool(data.get("hide_rule_turn", False)),
            **common,
        )


@dataclass(frozen=True, slots=True)
class ActiveLoop(Event):
    """A loop (form) begins, or with no name ends."""

    kind: ClassVar[str] = "active_loop"
    name: str | None = None

    def payload(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(name=data.get("name"), **common)


@dataclass(frozen=True, slots=True)
class LoopInterrupted(Event):
    """The active loop skips validation once, because another action answered the user."""

    kind: ClassVar[str] = "loop_interrupted"
    is_interrupted: bool = True

    def payload(self) -> dict[str, Any]:
        return {"is_interrupted": self.is_interrupted}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        if data.get("event") == "form_validation":
            return cls(is_interrupted=not data.get("validate", True), **common)
        return cls(is_interrupted=bool(data.get("is_interrupted", False)), **common)


@dataclass(frozen=True, slots=True)
class ActionExecutionRejected(Event):
    """An action was predicted and declined to run."""

    kind: ClassVar[str] = "action_execution_rejected"
    name: str
    policy: str | None = None
    confidence: float | None = None

    def payload(self) -> dict[str, Any]:
        return {"name": self.name, "policy": self.policy, "confidence": self.confidence}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        name = _need(data, "name")
        return cls(name=name, policy=data.get("policy"), confidence=data.get("confidence"), **common)


@dataclass(frozen=True, slots=True)
class UserFeaturization(Event):
    """Whether the last user message counted by its text or by its intent."""

    kind: ClassVar[str] = "user_featurization"
    use_text_for_featurization: bool = False

    def payload(self) -> dict[str, Any]:
        return {"use_text_for_featurization": self.use_text_for_featurization}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(use_text_for_featurization=bool(data.get("use_text_for_featurization")), **common)


@dataclass(frozen=True, slots=True)
class EntitiesAdded(Event):
    """A policy found entities in the last message."""

    kind: ClassVar[str] = "entities"
    entities: list[dict[str, Any]] = field(default_factory=list)

    def payload(self) -> dict[str, Any]:
        return {"entities": self.entities}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(entities=list(data.get("entities") or []), **common)


@dataclass(frozen=True, slots=True)
class FollowupAction(Event):
    """The next action is decided; no policy is asked."""

    kind: ClassVar[str] = "followup"
    name: str

    def payload(self) -> dict[str, Any]:
        return {"name": self.name}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(name=_need(data, "name"), **common)


@dataclass(frozen=True, slots=True)
class ReminderScheduled(Event):
    """An intent is to be triggered later. `date_time` is ISO 8601."""

    kind: ClassVar[str] = "reminder"
    intent: str
    date_time: str
    entities: Any = None
    name: str = field(default_factory=lambda: str(uuid.uuid1()))
    kill_on_user_message: bool = True

    def payload(self) -> dict[str, Any]:
        return {
            "intent": self.intent,
            "date_time": self.date_time,
            "entities": self.entities,
            "name": self.name,
            "kill_on_user_msg": self.kill_on_user_message,
        }

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        extra = {"name": data["name"]} if data.get("name") else {}
        return cls(
            intent=_need(data, "intent"),
            date_time=_moment(str(_need(data, "date_time"))),
            entities=data.get("entities"),
            kill_on_user_message=bool(data.get("kill_on_user_msg", True)),
            **extra,
            **common,
        )


@dataclass(frozen=True, slots=True)
class ReminderCancelled(Event):
    """Reminders that match all that is given are dropped; nothing given means all of the sender.

    As with Rasa, the wire form says no more than that it happened.
    """

    kind: ClassVar[str] = "cancel_reminder"
    name: str | None = None
    intent: str | None = None
    entities: Any = None

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(name=data.get("name"), intent=data.get("intent"), entities=data.get("entities"), **common)


@dataclass(frozen=True, slots=True)
class AgentUttered(Event):
    """A human agent said something."""

    kind: ClassVar[str] = "agent"
    text: str | None = None
    data: Any = None

    def payload(self) -> dict[str, Any]:
        return {"text": self.text, "data": self.data}

    @classmethod
    def read(cls, data: Mapping[str, Any], common: dict[str, Any]) -> Event:
        return cls(text=data.get("text"), data=data.get("data"), **common)


@dataclass(frozen=True, slots=True)
class UserUtteranceReverted(Event):
    """The last user message and what followed it is taken back."""

    kind: ClassVar[str] = "rewind"


@dataclass(frozen=True, slots=True)
class ActionReverted(Event):
    """The last action and what followed it is taken back."""

    kind: ClassVar[str] = "undo"


@dataclass(frozen=True, slots=True)
class Restarted(Event):
    """The conversation starts over; slots are reset."""

    kind: ClassVar[str] = "restart"


@dataclass(frozen=True, slots=True)
class SessionStarted(Event):
    """A new session begins; what was before does not count any more."""

    kind: ClassVar[str] = "session_started"


@dataclass(frozen=True, slots=True)
class AllSlotsReset(Event):
    """Every slot has its initial value again."""

    kind: ClassVar[str] = "reset_slots"


@dataclass(frozen=True, slots=True)
class ConversationPaused(Event):
    """The assistant stops predicting, for example because a person took over."""

    kind: ClassVar[str] = "pause"


@dataclass(frozen=True, slots=True)
class ConversationResumed(Event):
    """The assistant predicts again."""

    kind: ClassVar[str] = "resume"


@dataclass(frozen=True, slots=True)
class StoryExported(Event):
    """A story was exported; kept for Rasa's sake."""

    kind: ClassVar[str] = "export"


@dataclass(frozen=True, slots=True)
class UnknownEvent(Event):
    """An event of a kind that is not known here, kept as it came."""

    kind: ClassVar[str] = "unknown"
    wire: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {**self.wire, "timestamp": self.timestamp}


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        UserUttered, BotUttered, SlotSet, ActionExecuted, ActiveLoop, LoopInterrupted, ActionExecutionRejected,
        UserFeaturization, EntitiesAdded, FollowupAction, ReminderScheduled, ReminderCancelled, AgentUttered,
        UserUtteranceReverted, ActionReverted, Restarted, SessionStarted, AllSlotsReset, ConversationPaused,
        ConversationResumed, StoryExported,
    )
}  # fmt: skip
LEGACY_KINDS: dict[str, type[Event]] = {"form": ActiveLoop, "form_validation": LoopInterrupted}


def decode(data: Mapping[str, Any], *, strict: bool = False) -> Event:
    """The event a wire form stands for.

    Args:
        data: an object with at least `event`; a missing or null `timestamp` means now.
        strict: refuse kinds that are not known, as Rasa does for an action server's answer.

    Raises:
        DataError: a key that the kind needs is missing, or the kind is unknown and `strict`.
    """
    kind = data.get("event")
    moment = data.get("timestamp")
    common: dict[str, Any] = {"metadata": dict(data.get("metadata") or {})}
    if isinstance(moment, int | float):
        common["timestamp"] = float(moment)
    cls = KINDS.get(str(kind)) or LEGACY_KINDS.get(str(kind))
    if cls is None:
        if strict or not isinstance(kind, str):
            raise DataError(f"There is no event called {kind!r}.", hint=f"Known: {', '.join(sorted(KINDS))}.")
        return UnknownEvent(wire=dict(data), **common)
    if strict and cls is SlotSet and "value" not in data:
        raise DataError("An event 'slot' needs 'value'.", hint="Send null to empty the slot.")
    return cls.read(data, common)


def _moment(written: str) -> str:
    """A date and time as Rasa writes it; one that cannot be read stays as it is."""
    try:
        return datetime.fromisoformat(written).isoformat()
    except ValueError:
        return written


def _need(data: Mapping[str, Any], key: str) -> Any:
    if data.get(key) is None:
        raise DataError(f"An event {data.get('event')!r} needs {key!r}: {dict(data)!r}.")
    return data[key]
