"""Memory: a history that stands in a story, word for word, is followed by what follows it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.domain import ACTION_LISTEN, Domain
from shoptalk.core.events import ActionExecuted, Event
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import Source
from shoptalk.dialogue.features import StateLog, dialogue_states
from shoptalk.dialogue.policies.base import (
    NOTHING_RULE_ONLY,
    Prediction,
    Reason,
    RuleOnly,
    TrainingContext,
    one_hot,
)
from shoptalk.dialogue.policies.options import read_options
from shoptalk.dialogue.states import States, parse_states, states_text
from shoptalk.dialogue.training_trackers import TrainingTracker

DEFAULTS = {"enable_feature_string_compression": True, "use_nlu_confidence_as_score": False}


class MemoizationPolicy:
    """Remembers what follows each history of up to `max_history` states in the stories (null: whole stories).

    Histories that are followed by different things in different stories are forgotten.
    """

    default_priority: ClassVar[int] = 3
    is_light: ClassVar[bool] = True

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.options = read_options(type(self).__name__, config, DEFAULTS)
        self.max_history: int | None = self.options["max_history"]
        self.priority = int(config.get("priority", self.default_priority))
        self._memory: dict[States, tuple[str, str, Source]] = {}
        self._longest = 0

    def train(self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        """Remember every history of the stories."""
        ambiguous: set[States] = set()
        self._memory = {}
        for tracker in trackers:
            if tracker.is_rule or tracker.is_augmented:
                continue
            for history, action in self._histories(tracker):
                known = self._memory.setdefault(history, (action, tracker.name, tracker.source))
                if known[0] != action:
                    ambiguous.add(history)
        for history in ambiguous:
            del self._memory[history]
        self._measure()

    def _histories(self, tracker: TrainingTracker) -> Iterator[tuple[States, str]]:
        states = tracker.states
        for decision in tracker.decisions:
            if decision.predictable:
                end = decision.position + 1
                start = 0 if self.max_history is None else max(0, end - self.max_history)
                yield tuple(states[start:end]), decision.action

    def _measure(self) -> None:
        self._longest = max((len(history) for history in self._memory), default=0)

    def report(self) -> dict[str, Any]:
        """How many histories are remembered."""
        return {"histories": len(self._memory), "longest": self._longest}

    def only_scores(self, tracker: Tracker) -> bool:
        """Always."""
        return True

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        """1.0 for the remembered action, zeros without one."""
        known = self._recall(tracker, domain, rule_only)
        if known is None:
            return Prediction(one_hot(None, domain), type(self).__name__, self.priority)
        action, name, source = known
        score = 1.0
        if self.options["use_nlu_confidence_as_score"]:
            score = float(tracker.latest_message.intent.get("confidence", 1.0))
        return Prediction(
            one_hot(action, domain, score),
            type(self).__name__,
            self.priority,
            reason=Reason("story", name, source),
        )

    def _recall(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly
    ) -> tuple[str, str, Source] | None:
        return self._look_up(self._history(dialogue_states(tracker, domain, rule_only)))

    def _history(self, log: StateLog) -> States:
        """The states to look up; one more than the longest remembered if there are more, so that it is not found."""
        count = self._longest + 1 if self.max_history is None else self.max_history
        return tuple(log.visible_states("intent", count))

    def _look_up(self, history: States) -> tuple[str, str, Source] | None:
        return self._memory.get(history) if len(history) <= self._longest else None

    def save(self) -> Saved:
        """Every history in Rasa's text form, with the action and the story it stands in."""
        turns = [
            [states_text(history), action, name, source.file, source.line]
            for history, (action, name, source) in self._memory.items()
        ]
        return Saved({"turns": turns})

    @classmethod
    def load(cls, config: Mapping[str, Any], saved: Saved) -> Self:
        """The policy as it was when saved."""
        policy = cls(config)
        for text, action, name, file, line in saved.config["turns"]:
            policy._memory[parse_states(text)] = (action, name, Source(file, line))
        policy._measure()
        return policy

    @property
    def turns(self) -> Mapping[States, str]:
        """What is remembered: history → action."""
        return {history: known[0] for history, known in self._memory.items()}


class AugmentedMemoizationPolicy(MemoizationPolicy):
    """Memory that also forgets: if a history is not known, its beginning is dropped, action by action.

    Slots set in the forgotten part are forgotten with it, so that a story is found again although something was
    learnt before it.
    """

    def _recall(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly
    ) -> tuple[str, str, Source] | None:
        history = self._history(dialogue_states(tracker, domain, rule_only))
        known = self._look_up(history)
        if known is not None:
            return known
        for later in self._truncated(tracker, domain, rule_only):
            if later != history:
                known = self._look_up(later)
                if known is not None:
                    return known
                history = later
        return None

    def _truncated(self, tracker: Tracker, domain: Domain, rule_only: RuleOnly) -> Iterator[States]:
        """The history as it looks when the conversation begins at a later and later action."""
        for place in _beginnings(tracker.applied, domain, self.max_history, self._longest):
            log = StateLog(domain, rule_only)
            log.feed(tracker.applied[place:])
            yield self._history(log)


def _beginnings(events: Sequence[Event], domain: Domain, max_history: int | None, longest: int) -> list[int]:
    """Places of the actions a conversation may be cut before, first to last.

    With a `max_history`, cutting begins at the last listening before that many actions; without, where no more
    states are left than the longest remembered history has (turns learning policies do not see do not count).
    """
    places: list[int] = []
    actions = seen = 0
    for place in range(len(events) - 1, -1, -1):
        event = events[place]
        if not isinstance(event, ActionExecuted):
            continue
        actions += 1
        seen += not event.hide_rule_turn and event.name not in domain.forms
        if max_history is None and seen > longest + 1:
            break
        places.append(place)
        if max_history is not None and actions > max_history and event.name == ACTION_LISTEN:
            break
    return places[::-1]
