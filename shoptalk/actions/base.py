"""What an action is given, and where what it says goes while it is still running.

An action is an async function `(scene) -> list of events`. It changes nothing itself: the turn applies its events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from shoptalk.core.domain import Domain
from shoptalk.core.events import BOT_DATA_KEYS, BotUttered, Event
from shoptalk.core.messages import BotMessage
from shoptalk.core.tracker import Tracker

if TYPE_CHECKING:
    from shoptalk.actions.runner import ActionRunner

Action = Callable[["Scene"], Awaitable[list[Event]]]


class Sink(Protocol):
    """Where a turn's messages go as they come, before the turn is over."""

    async def message(self, message: BotMessage) -> None:
        """A whole message; one with the `id` of earlier deltas replaces what they said."""

    async def delta(self, message_id: str, text: str) -> None:
        """A further piece of a message that is still being made."""

    async def typing(self) -> None:
        """Something that takes a while has begun."""


class Silent:
    """A sink for turns nobody listens to while they run."""

    async def message(self, message: BotMessage) -> None:
        """Drop it."""

    async def delta(self, message_id: str, text: str) -> None:
        """Drop it."""

    async def typing(self) -> None:
        """Drop it."""


class CollectingSink:
    """A sink that keeps what it is given, for tests and scripts."""

    def __init__(self) -> None:
        self.messages: list[BotMessage] = []
        self.deltas: list[tuple[str, str]] = []
        self.typed = 0

    async def message(self, message: BotMessage) -> None:
        """Keep it in `messages`."""
        self.messages.append(message)

    async def delta(self, message_id: str, text: str) -> None:
        """Keep it in `deltas`."""
        self.deltas.append((message_id, text))

    async def typing(self) -> None:
        """Count it in `typed`."""
        self.typed += 1


@dataclass(slots=True)
class Steps:
    """Numbers the calls a turn makes to custom actions, so that a repeated turn repeats its keys.

    Args:
        sender_id, message_id: of the message the turn answers.
    """

    sender_id: str
    message_id: str
    made: int = 0

    def next_key(self) -> str:
        """The idempotency key of the next call: `{sender}:{message_id}:{step}`."""
        self.made += 1
        return f"{self.sender_id}:{self.message_id}:{self.made}"


@dataclass(frozen=True, slots=True)
class Scene:
    """What an action sees of the world.

    Args:
        tracker: the conversation; not to be changed.
        domain: what the assistant knows.
        actions: runs other actions (a form asks through one).
        channel: name of the channel the answer goes to; responses may depend on it.
        sink: takes messages that are made piece by piece.
        steps: numbers calls to custom actions.
    """

    tracker: Tracker
    domain: Domain
    actions: ActionRunner
    channel: str = ""
    sink: Sink = field(default_factory=Silent)
    steps: Steps = field(default_factory=lambda: Steps("", ""))

    def at(self, tracker: Tracker) -> Scene:
        """The same scene with the conversation in another state."""
        return replace(self, tracker=tracker)


def bot_uttered(draft: Mapping[str, Any]) -> BotUttered:
    """The event of a message: what is not one of a message's own keys becomes metadata.

    An image doubles as the attachment when there is no other, as Rasa has it.
    """
    data: dict[str, Any] = {key: draft.get(key) for key in BOT_DATA_KEYS}
    data["attachment"] = data["attachment"] or data["image"]
    rest = {key: value for key, value in draft.items() if key not in (*BOT_DATA_KEYS, "text")}
    return BotUttered(text=draft.get("text"), data=data, metadata=rest)


def after(tracker: Tracker, events: Sequence[Event]) -> Tracker:
    """A copy of a tracker in which `events` have happened as well; it shows no events before the last restart."""
    later = tracker.copy()
    later.events = tracker.events_after_restart()
    later.apply_all(events)
    return later
