"""A conversation as a fold of events.

`apply` is the only way to change a tracker. It costs the same however long the conversation is: state is kept as
it goes, and only an event that takes something back (rewind, undo) replays what still counts.

A tracker may begin with a `snapshot` instead of the first event: then `events` is the tail since the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shoptalk.core.domain import ACTION_LISTEN, ACTION_SESSION_START, Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    EntitiesAdded,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserFeaturization,
    UserUtteranceReverted,
    UserUttered,
    decode,
)
from shoptalk.core.slots import Slot

EMPTY_MESSAGE = UserUttered(timestamp=0.0)


@dataclass(frozen=True, slots=True)
class LoopState:
    """The loop that is running.

    Args:
        name: of the form or other loop action.
        is_interrupted: another action answered; skip validation once.
        rejected: the loop declined to handle the last message.
        trigger_message: parse data of the message that started it.
    """

    name: str
    is_interrupted: bool = False
    rejected: bool = False
    trigger_message: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Rasa's form."""
        return {
            "name": self.name,
            "is_interrupted": self.is_interrupted,
            "rejected": self.rejected,
            "trigger_message": None if self.trigger_message is None else dict(self.trigger_message),
        }


class Tracker:
    """State of one conversation.

    Attributes:
        sender_id: whose conversation it is.
        slots: value of each slot of the domain.
        events: everything that happened since the snapshot (or ever), in order.
        applied: those of `events` that still count: nothing before the last session start or restart, nothing
            taken back, repeated runs of a loop as one.
        revision: grows whenever `applied` changes other than by growing; caches keyed on it stay right.
        latest_message, latest_action, latest_bot: the last of each; the action as `{"action_name": …}`.
        followup_action: what runs next without asking a policy.
        active_loop: the running loop, or None.
        from_start: whether `applied` reaches back to the start of the session (or conversation).
        ran_out: whether more was taken back than is held since the snapshot; then the state may be wrong.
        cache: derived values of others (dialogue states), dropped by nobody; key them on `revision`.
    """

    def __init__(
        self, sender_id: str, slots: Mapping[str, Slot], snapshot: Mapping[str, Any] | None = None
    ) -> None:
        self.sender_id = sender_id
        self.slot_specs = slots
        self.snapshot = snapshot
        self.events: list[Event] = []
        self.applied: list[Event] = []
        self.revision = 0
        self.cache: dict[str, Any] = {}
        self.from_start = snapshot is None
        self.ran_out = False
        self.followup_action: str | None = None
        self._loops: set[str] = set()
        self._has_been_set: set[str] = set()
        self._reset()
        if snapshot is not None:
            self._restore(snapshot)

    @classmethod
    def from_events(
        cls,
        sender_id: str,
        events: Iterable[Event | Mapping[str, Any]],
        domain: Domain,
        snapshot: Mapping[str, Any] | None = None,
    ) -> Tracker:
        """A tracker that has lived through `events` (given as events or in wire form)."""
        tracker = cls(sender_id, domain.all_slots, snapshot)
        for event in events:
            tracker.apply(event if isinstance(event, Event) else decode(event))
        return tracker

    @classmethod
    def from_stored(
        cls,
        sender_id: str,
        events: Iterable[Event | Mapping[str, Any]],
        domain: Domain,
        snapshot: Mapping[str, Any] | None = None,
    ) -> Tracker:
        """The tracker of a stored conversation; see `relive`."""
        tracker = cls(sender_id, domain.all_slots, snapshot)
        tracker.relive(event if isinstance(event, Event) else decode(event) for event in events)
        return tracker

    def copy(self) -> Tracker:
        """An independent tracker in the same state; events are shared, they never change."""
        other = Tracker.__new__(Tracker)
        other.__dict__.update(self.__dict__)
        other.events, other.applied = list(self.events), list(self.applied)
        other.slots, other.cache = dict(self.slots), dict(self.cache)
        other._loops, other._has_been_set = set(self._loops), set(self._has_been_set)
        return other

    # ---------------------------------------------------------------------------------------------- changing

    def apply(self, event: Event) -> None:
        """Let an event happen."""
        self.events.append(event)
        if self._count(event):
            self._replay()
        elif isinstance(event, Restarted | SessionStarted):
            self._reset()
            if isinstance(event, Restarted):
                self.followup_action = ACTION_SESSION_START
        else:
            self._effect(event)

    def relive(self, events: Iterable[Event]) -> None:
        """Let stored events happen, as Rasa reads a conversation back: only what still counts has an effect.

        After it the state may differ from the one the events left when they happened: the answers a loop has dealt
        with no longer count, so `latest_message` can be an older one.
        """
        for event in events:
            self.events.append(event)
            self._count(event)
        self._replay()

    def _count(self, event: Event) -> bool:
        """Keep `applied` right; returns whether something was taken back."""
        if isinstance(event, ActiveLoop) and event.name:
            self._loops.add(event.name)
        if isinstance(event, UserUtteranceReverted | ActionReverted):
            if isinstance(event, UserUtteranceReverted):
                _drop_through(self.applied, UserUttered)
            _drop_through(self.applied, ActionExecuted)
            self.revision += 1
            self.ran_out = self.ran_out or (not self.from_start and not self.applied)
            return True
        if isinstance(event, Restarted | SessionStarted):
            self.applied.clear()
            self.revision += 1
            self.from_start, self.ran_out = True, False
        elif isinstance(event, ActionExecuted) and self._repeats_loop(event):
            _forget_last_run(self.applied, str(event.name))
            self.revision += 1
        else:
            self.applied.append(event)
        return False

    def apply_all(self, events: Iterable[Event]) -> None:
        """Let events happen in order."""
        for event in events:
            self.apply(event)

    def _replay(self) -> None:
        self._reset()
        if self.snapshot is not None and not self.from_start:
            self._restore(self.snapshot)
        for event in self.applied:
            self._effect(event)

    def _reset(self) -> None:
        self.slots: dict[str, Any] = {name: slot.initial_value for name, slot in self.slot_specs.items()}
        self._has_been_set.clear()
        self.paused = False
        self.latest_message: UserUttered = EMPTY_MESSAGE
        self.latest_action: dict[str, str] = {}
        self.latest_bot: BotUttered | None = None
        self.followup_action = ACTION_LISTEN
        self.active_loop: LoopState | None = None
        self.use_text: bool | None = None

    def _effect(self, event: Event) -> None:
        """What an event does to the state."""
        effect = _EFFECTS.get(type(event))
        if effect is not None:
            effect(self, event)

    def _on_user(self, event: UserUttered) -> None:
        self.latest_message = event
        self.followup_action = None
        self.use_text = None

    def _on_action(self, event: ActionExecuted) -> None:
        self.followup_action = None
        self.latest_action = (
            {"action_name": event.name} if event.name else {"action_text": event.action_text or ""}
        )
        loop = self.active_loop
        if loop is not None:
            rejected = loop.rejected and event.name != loop.name
            self.active_loop = replace(loop, is_interrupted=False, rejected=rejected)

    def _on_slot(self, event: SlotSet) -> None:
        spec = self.slot_specs.get(event.name)
        if spec is not None:
            self.slots[event.name] = spec.stored(event.value)
            self._has_been_set.add(event.name)

    def _on_slots_reset(self, event: Event) -> None:
        self.slots = {name: slot.initial_value for name, slot in self.slot_specs.items()}
        self._has_been_set.clear()

    def _on_loop(self, event: ActiveLoop) -> None:
        self.active_loop = None
        if event.name:
            self.active_loop = LoopState(event.name, trigger_message=self.latest_parse_data())

    def _on_interrupt(self, event: LoopInterrupted) -> None:
        if self.active_loop is not None:
            self.active_loop = replace(self.active_loop, is_interrupted=event.is_interrupted)

    def _on_rejection(self, event: ActionExecutionRejected) -> None:
        if self.active_loop is not None and event.name == self.active_loop.name:
            self.active_loop = replace(self.active_loop, rejected=True)

    def _on_entities(self, event: EntitiesAdded) -> None:
        message = self.latest_message
        new = [entity for entity in event.entities if entity not in message.entities]
        self.latest_message = replace(
            message, parse_data={**message.parse_data, "entities": [*message.entities, *new]}
        )

    def _on_bot(self, event: BotUttered) -> None:
        self.latest_bot = event

    def _on_featurization(self, event: UserFeaturization) -> None:
        self.use_text = event.use_text_for_featurization

    def _on_followup(self, event: FollowupAction) -> None:
        self.followup_action = event.name

    def _on_pause(self, event: Event) -> None:
        self.paused = True

    def _on_resume(self, event: Event) -> None:
        self.paused = False

    def _repeats_loop(self, event: ActionExecuted) -> bool:
        """Whether a loop runs again without anything between its runs but the user's answer.

        Looking back from the new run: the loop's own earlier run says yes; the end of a loop, a rejection of this
        loop, or a user message that some other action answered says no.
        """
        if event.name not in self._loops:
            return False
        answer: str | None = None
        for earlier in reversed(self.applied):
            if isinstance(earlier, ActiveLoop) and earlier.name is None:
                return False
            if isinstance(earlier, ActionExecutionRejected) and earlier.name == event.name:
                return False
            if isinstance(earlier, UserUttered) and answer is not None and answer != event.name:
                return False
            if isinstance(earlier, ActionExecuted):
                if earlier.name == event.name:
                    return True
                answer = earlier.name
        return False

    # ---------------------------------------------------------------------------------------------- reading

    @property
    def active_loop_name(self) -> str | None:
        """Name of the running loop."""
        return self.active_loop.name if self.active_loop else None

    @property
    def latest_action_name(self) -> str | None:
        """Name (or end-to-end text) of the last action."""
        return self.latest_action.get("action_name") or self.latest_action.get("action_text")

    def has_been_set(self, slot: str) -> bool:
        """Whether a slot was set since the last reset, be it to None."""
        return slot in self._has_been_set

    def latest_parse_data(self) -> dict[str, Any]:
        """What NLU said of the last message, with the entities found since."""
        message = self.latest_message
        return {
            "intent": message.intent,
            "entities": message.entities,
            "text": message.text,
            "message_id": message.message_id,
            "metadata": dict(message.metadata),
            **message.parse_data,
        }

    @property
    def latest_input_channel(self) -> str | None:
        """Channel of the last user message."""
        for event in reversed(self.events):
            if isinstance(event, UserUttered):
                return event.input_channel
        return (self.snapshot or {}).get("latest_input_channel")

    def as_dict(self, events: Iterable[Event] | None = None) -> dict[str, Any]:
        """Rasa's form of a tracker, with the given events (None: `events` is null)."""
        return {
            "sender_id": self.sender_id,
            "slots": dict(self.slots),
            "latest_message": self.latest_parse_data(),
            "latest_event_time": self.events[-1].timestamp if self.events else None,
            "followup_action": self.followup_action,
            "paused": self.paused,
            "events": None if events is None else [event.as_dict() for event in events],
            "latest_input_channel": self.latest_input_channel,
            "active_loop": self.active_loop.as_dict() if self.active_loop else {},
            "latest_action": dict(self.latest_action),
            "latest_action_name": self.latest_action_name,
        }

    def events_after_restart(self) -> list[Event]:
        """Events since the last restart (which is not among them)."""
        for place in range(len(self.events) - 1, -1, -1):
            if isinstance(self.events[place], Restarted):
                return self.events[place + 1 :]
        return list(self.events)

    # --------------------------------------------------------------------------------------------- snapshots

    def take_snapshot(self) -> dict[str, Any]:
        """The state without the events, as JSON; a tracker made from it goes on as this one would."""
        return {
            "slots": dict(self.slots),
            "has_been_set": sorted(self._has_been_set),
            "paused": self.paused,
            "latest_message": self.latest_message.as_dict(),
            "latest_bot": self.latest_bot.as_dict() if self.latest_bot else None,
            "latest_action": dict(self.latest_action),
            "followup_action": self.followup_action,
            "active_loop": self.active_loop.as_dict() if self.active_loop else None,
            "loops": sorted(self._loops),
            "latest_input_channel": self.latest_input_channel,
            "use_text": self.use_text,
        }

    def _restore(self, snapshot: Mapping[str, Any]) -> None:
        self.slots.update({k: v for k, v in snapshot["slots"].items() if k in self.slot_specs})
        self._has_been_set = set(snapshot["has_been_set"])
        self.paused = bool(snapshot["paused"])
        message = decode(snapshot["latest_message"])
        self.latest_message = message if isinstance(message, UserUttered) else EMPTY_MESSAGE
        bot = decode(snapshot["latest_bot"]) if snapshot.get("latest_bot") else None
        self.latest_bot = bot if isinstance(bot, BotUttered) else None
        self.latest_action = dict(snapshot["latest_action"])
        self.followup_action = snapshot["followup_action"]
        self.active_loop = LoopState(**snapshot["active_loop"]) if snapshot["active_loop"] else None
        self._loops |= set(snapshot["loops"])
        self.use_text = snapshot.get("use_text")


_EFFECTS: dict[type[Event], Any] = {
    UserUttered: Tracker._on_user,
    ActionExecuted: Tracker._on_action,
    SlotSet: Tracker._on_slot,
    AllSlotsReset: Tracker._on_slots_reset,
    ActiveLoop: Tracker._on_loop,
    LoopInterrupted: Tracker._on_interrupt,
    ActionExecutionRejected: Tracker._on_rejection,
    EntitiesAdded: Tracker._on_entities,
    BotUttered: Tracker._on_bot,
    UserFeaturization: Tracker._on_featurization,
    FollowupAction: Tracker._on_followup,
    ConversationPaused: Tracker._on_pause,
    ConversationResumed: Tracker._on_resume,
}


def _drop_through(events: list[Event], kind: type[Event]) -> None:
    """Drop events from the end up to and including the last one of a kind (all, if there is none)."""
    while events:
        if isinstance(events.pop(), kind):
            return


def _forget_last_run(events: list[Event], loop: str) -> None:
    """Drop what policies see since a loop's last run: messages and actions; slots and the rest stay."""
    place = len(events) - 1
    while place >= 0:
        event = events[place]
        if isinstance(event, ActionExecuted) and event.name == loop:
            return
        if isinstance(event, ActionExecuted | UserUttered | UserFeaturization):
            del events[place]
        place -= 1
