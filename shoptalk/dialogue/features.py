"""From a conversation to the states policies see, as it goes.

`dialogue_states(tracker, domain, rule_only)` is the entry. It keeps what it worked out on the tracker, so that each
turn costs the same however long the conversation is; a tracker that took something back is read anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shoptalk.core.domain import ACTION_LISTEN, ACTION_UNLIKELY_INTENT, Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActiveLoop,
    AllSlotsReset,
    EntitiesAdded,
    Event,
    FollowupAction,
    SlotSet,
    UserFeaturization,
    UserUttered,
    decode,
)
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.policies.base import NOTHING_RULE_ONLY, RuleOnly
from shoptalk.dialogue.states import SHOULD_NOT_BE_SET, SlotFeature, State

CACHE_KEY = "dialogue_states"
Slots = tuple[tuple[str, SlotFeature], ...]
UserView = Literal["history", "intent", "text"]
"""How the last message is shown: as it counted, by its intent only, or by its text only."""


class StateLog:
    """States of a conversation, one before each action, plus the present one.

    Two histories are kept: `full` is what rules see; `visible` is what learning policies see, that is without
    turns, slots and loops that only rules know and without remarks about unlikely intents.

    Forks share their lists: a list only grows, each log knows how much of it is its own, and copies it only when
    another has gone on differently.
    """

    def __init__(self, domain: Domain, rule_only: RuleOnly, *, omit_unset: bool = False) -> None:
        self.domain = domain
        self.rule_only = rule_only
        self.omit_unset = omit_unset
        self._full: list[State] = []
        self._full_size = 0
        self._visible: list[State] = []
        self._visible_size = 0
        self._intent: str | None = None
        self._text: str | None = None
        self._labels: tuple[str, ...] = ()
        self._entities: list[dict[str, Any]] = []
        self._use_text: bool | None = None
        self._action: str | None = None
        self._action_text: str | None = None
        self._loop: str | None = None
        self._followup = True
        self._was_hidden = False
        self._shown_action: tuple[str | None, str | None] = (None, None)
        self._last_visible: State | None = None
        self._features: dict[str, SlotFeature] = {}
        self._slots: Slots | None = None
        self._visible_slots: Slots = ()
        self._reset_slots(initial=not omit_unset)

    def fork(self) -> StateLog:
        """A log that goes on from here on its own."""
        other = StateLog.__new__(StateLog)
        other.__dict__.update(self.__dict__)
        other._features = dict(self._features)
        return other

    def begin_at(self, snapshot: Mapping[str, Any]) -> None:
        """Begin in the middle of a conversation, with what a tracker's snapshot says of that moment."""
        message = decode(snapshot["latest_message"])
        if isinstance(message, UserUttered):
            self._on_user(message)
        self._use_text = snapshot.get("use_text")
        action = snapshot["latest_action"]
        self._action, self._action_text = action.get("action_name"), action.get("action_text")
        self._shown_action = (self._action, self._action_text)
        self._loop = (snapshot["active_loop"] or {}).get("name")
        self._followup = bool(snapshot["followup_action"])
        self._reset_slots(initial=False)
        for name, value in snapshot["slots"].items():
            self._on_slot(SlotSet(name=name, value=value, timestamp=0.0))

    # ---------------------------------------------------------------------------------------------- growing

    def feed(self, events: Iterable[Event]) -> None:
        """Take in applied events."""
        for event in events:
            take = _TAKES.get(type(event))
            if take is not None:
                take(self, event)

    def _on_action(self, event: ActionExecuted) -> None:
        if len(self._full) != self._full_size:
            self._full = self._full[: self._full_size]
        self._full.append(self._state("history"))
        self._full_size += 1
        seen, self._was_hidden = self._visible_state("history", event.hide_rule_turn)
        if seen is not None:
            self._last_visible = seen
            if seen.action != ACTION_UNLIKELY_INTENT:
                if len(self._visible) != self._visible_size:
                    self._visible = self._visible[: self._visible_size]
                self._visible.append(seen)
                self._visible_size += 1
        self._action, self._action_text = event.name, None if event.name else event.action_text
        self._followup = False
        if not self._was_hidden:
            self._shown_action = (self._action, self._action_text)

    def _on_user(self, event: UserUttered) -> None:
        self._intent, self._text, self._use_text = event.intent_name, event.text, None
        self._entities = event.entities
        self._labels = self._find_labels() if self._entities else ()
        self._followup = False

    def _on_featurization(self, event: UserFeaturization) -> None:
        self._use_text = event.use_text_for_featurization

    def _on_entities(self, event: EntitiesAdded) -> None:
        self._entities = [*self._entities, *event.entities]
        self._labels = self._find_labels()

    def _on_slot(self, event: SlotSet) -> None:
        slot = self.domain.all_slots.get(event.name)
        if slot is not None and slot.influence_conversation:
            self._set_feature(event.name, event.value)

    def _on_reset(self, event: AllSlotsReset) -> None:
        self._reset_slots(initial=not self.omit_unset)

    def _on_loop(self, event: ActiveLoop) -> None:
        self._loop = event.name

    def _on_followup(self, event: FollowupAction) -> None:
        self._followup = bool(event.name)

    def _reset_slots(self, *, initial: bool) -> None:
        self._features.clear()
        self._slots = None
        if initial:
            for name, slot in self.domain.all_slots.items():
                if slot.influence_conversation and slot.initial_value is not None:
                    self._set_feature(name, slot.initial_value)

    def _set_feature(self, name: str, value: Any) -> None:
        slot = self.domain.all_slots[name]
        features: SlotFeature = SHOULD_NOT_BE_SET
        if value != SHOULD_NOT_BE_SET:
            features = slot.features(slot.stored(value))
            if not any(features):
                features = ()
        if features:
            self._features[name] = features
        else:
            self._features.pop(name, None)
        self._slots = None

    # ---------------------------------------------------------------------------------------------- reading

    def states(self, view: UserView = "history", count: int | None = None) -> list[State]:
        """The last `count` states (None: all), the present one included, as rules see them."""
        start = 0 if count is None else max(0, self._full_size - count + 1)
        out = self._full[start : self._full_size]
        out.append(self._state(view))
        return out

    def visible_states(self, view: UserView = "history", count: int | None = None) -> list[State]:
        """The last `count` states (None: all), the present one included, as learning policies see them."""
        last, _ = self._visible_state(view, hidden=False)
        shown = last is not None and last.action != ACTION_UNLIKELY_INTENT
        start = 0 if count is None else max(0, self._visible_size - count + shown)
        out = self._visible[start : self._visible_size]
        if shown and last is not None:
            out.append(last)
        return out

    def _user(self, view: UserView, after_listen: bool) -> tuple[str | None, str | None, tuple[str, ...]]:
        if not self._text and not self._intent:
            return None, None, ()
        use_text = self._use_text
        intent = None if use_text else self._intent
        text = self._text if use_text is not False else None
        if after_listen and view == "text":
            return None, text or None, ()
        if intent or (after_listen and view == "intent"):
            text = None
        if use_text or text:
            return intent, text, ()
        return intent, None, self._labels

    def _find_labels(self) -> tuple[str, ...]:
        labels = {label for entity in self._entities for label in entity_labels(entity)}
        if self._intent in self.domain.intent_names:
            labels &= self.domain.labels_for(self._intent)
        return tuple(sorted(labels))

    def _sort_slots(self) -> Slots:
        slots = tuple(sorted(self._features.items()))
        hidden = self.rule_only.slots
        self._slots = slots
        self._visible_slots = tuple(item for item in slots if item[0] not in hidden) if hidden else slots
        return slots

    def _state(self, view: UserView) -> State:
        intent, text, entities = self._user(view, self._action == ACTION_LISTEN)
        slots = self._slots if self._slots is not None else self._sort_slots()
        return State(intent, text, entities, self._action, self._action_text, slots, self._loop)

    def _visible_state(self, view: UserView, hidden: bool) -> tuple[State | None, bool]:
        """The state as learning policies see it (None while a hidden turn lasts), and whether one lasts now.

        Args:
            view: how the last message is shown.
            hidden: whether the action that follows belongs to a turn only rules know. What a loop does by itself,
                and what was decided without a policy, does not change whether a turn is hidden.
        """
        was_hidden = self._was_hidden
        loop = None if self._loop == SHOULD_NOT_BE_SET else self._loop
        if not self._followup and (self._action or self._action_text) != loop:
            was_hidden = hidden
        return (None if was_hidden else self._make_visible(view)), was_hidden

    def _make_visible(self, view: UserView) -> State:
        shown = self._shown_action
        listening = shown[0] == ACTION_LISTEN
        intent, text, entities = self._user(view, listening)
        last = self._last_visible
        if last is not None and self._action != ACTION_LISTEN:
            intent, text, entities = last.intent, last.text, last.entities
            if view == "text" and listening:
                intent, entities = None, ()
        loop = None if self._loop in self.rule_only.loops else self._loop
        action, action_text = shown if shown != (None, None) else (self._action, self._action_text)
        if self._slots is None:
            self._sort_slots()
        return State(intent, text, entities, action, action_text, self._visible_slots, loop)


_TAKES: dict[type[Event], Any] = {
    ActionExecuted: StateLog._on_action,
    UserUttered: StateLog._on_user,
    UserFeaturization: StateLog._on_featurization,
    EntitiesAdded: StateLog._on_entities,
    SlotSet: StateLog._on_slot,
    AllSlotsReset: StateLog._on_reset,
    ActiveLoop: StateLog._on_loop,
    FollowupAction: StateLog._on_followup,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A log and the place of the tracker's applied events it has read up to."""

    consumed: int
    last: Event | None
    log: StateLog


_KEPT = 6
"""How many earlier logs a tracker keeps, to go back to when events are taken back."""


def dialogue_states(tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY) -> StateLog:
    """The states of a conversation; only what happened since the last call is read.

    Args:
        tracker: the conversation; the result is kept in its cache.
        domain: of the model that predicts.
        rule_only: slots and loops learning policies must not see.
    """
    applied = tracker.applied
    entries: tuple[_Entry, ...] = tracker.cache.get(CACHE_KEY, ())
    if entries and (entries[-1].log.domain is not domain or entries[-1].log.rule_only is not rule_only):
        entries = ()
    if entries and entries[-1].consumed == len(applied) and (not applied or applied[-1] is entries[-1].last):
        return entries[-1].log
    while entries and not _is_prefix(entries[-1], applied):
        entries = entries[:-1]
    if entries:
        log, start = entries[-1].log.fork(), entries[-1].consumed
    else:
        log, start = _fresh_log(tracker, domain, rule_only), 0
    log.feed(applied[start:])
    entry = _Entry(len(applied), applied[-1] if applied else None, log)
    tracker.cache[CACHE_KEY] = (*entries, entry)[-_KEPT:]
    return log


def _is_prefix(entry: _Entry, applied: list[Event]) -> bool:
    """Whether the events an entry has read still stand where they stood.

    Events are never reordered, only dropped: the last one still has its place exactly if none before it is gone.
    """
    if entry.consumed > len(applied):
        return False
    return entry.consumed == 0 or applied[entry.consumed - 1] is entry.last


def entity_labels(entity: Mapping[str, Any]) -> list[str]:
    """How an entity appears in a state: plain, and with its role and group if it has them."""
    name = entity.get("entity")
    marks = (entity[key] for key in ("role", "group") if key in entity)
    return [str(name), *(f"{name}#{mark}" for mark in marks)] if name else []


def _fresh_log(tracker: Tracker, domain: Domain, rule_only: RuleOnly) -> StateLog:
    log = StateLog(domain, rule_only)
    if tracker.snapshot is not None and not tracker.from_start:
        log.begin_at(tracker.snapshot)
    return log
