"""UnexpecTED intents: remarks when a user says what the stories do not lead one to expect at this point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from shoptalk.core.domain import ACTION_UNLIKELY_INTENT, Domain
from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.features import dialogue_states
from shoptalk.dialogue.policies.base import (
    NOTHING_RULE_ONLY,
    Prediction,
    Reason,
    RuleOnly,
    TrainingContext,
    one_hot,
)
from shoptalk.dialogue.policies.ted import DEFAULTS, TEDPolicy
from shoptalk.dialogue.policies.ted_examples import Row, as_examples, expectations
from shoptalk.dialogue.states import States
from shoptalk.dialogue.training_trackers import TrainingTracker
from shoptalk.networks.ted_inference import TedShape

QUANTILES = np.linspace(1.0, 0.05, 20)
"""Places of the thresholds a tolerance of 0.00, 0.05, … 0.95 chooses."""


class UnexpecTEDIntentPolicy(TEDPolicy):
    """Predicts action_unlikely_intent when the user's intent is less fitting than it ever was in a story.

    Config (beside TED's): tolerance (0 to 1: how much to overlook), ignore_intents_list, ranking_length.
    """

    default_priority: ClassVar[int] = 2
    defaults: ClassVar[dict[str, Any]] = {
        **DEFAULTS,
        "ranking_length": 10,
        "tolerance": 0.0,
        "ignore_intents_list": [],
    }

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.thresholds: dict[str, list[float]] = {}

    # ---------------------------------------------------------------------------------------------- training

    def train(self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext) -> None:
        """Learn which intents follow which conversations; stories with end-to-end turns are left out."""
        stories = [t for t in trackers if not t.is_rule and not _has_texts(t)]
        if not stories:
            super().train((), domain, context)
            return
        self._prepare(stories, domain, TrainingContext(context.seed))
        assert self.vocabulary is not None
        expected, by_chance = expectations(stories, self.vocabulary.intents, self._width)
        if not expected:
            super().train((), domain, context)
            return
        rows = [Row(states, (), states in by_chance) for states in expected]
        wanted = np.zeros((len(rows), len(self.vocabulary.intents)), np.int64)
        for row, intents in zip(wanted, expected.values(), strict=True):
            row[[self.vocabulary.intents[intent] for intent in intents]] = 1
        labels = {"label_action_name": np.eye(len(self.vocabulary.intents), dtype=np.float32)}
        examples = as_examples(rows, wanted, self.vocabulary, {}, newest_first=True)
        self._fit(examples, labels, context)
        self._measure(expected)

    @property
    def _width(self) -> int:
        """How many states before a message are looked at."""
        return self._longest if self.max_history is None else self.max_history

    def _training(self, seed: int) -> Any:
        return replace(super()._training(seed), multi_label=True)

    def _shape(self, labels: Mapping[str, np.ndarray]) -> TedShape:
        shape = super()._shape(labels)
        inputs = {**shape.inputs, "text": 0, "action_text": 0}
        return replace(shape, inputs=inputs, window=self._width, cosine=False)

    def _measure(self, expected: Mapping[States, set[str]]) -> None:
        """Thresholds: how fitting each intent was where it came, and where it did not."""
        assert self.vocabulary is not None
        came: dict[str, list[float]] = defaultdict(list)
        stayed_away: dict[str, list[float]] = defaultdict(list)
        for states, intents in expected.items():
            scores = self._similarities(states)
            for intent, place in self.vocabulary.intents.items():
                (came if intent in intents else stayed_away)[intent].append(float(scores[place]))
        for intent, present in came.items():
            absent = stayed_away.get(intent)
            lowest = min(present)
            values = (
                np.quantile(absent, QUANTILES, method="lower") if absent else np.full(len(QUANTILES), lowest)
            )
            self.thresholds[intent] = [float(value) for value in np.minimum(values, lowest)]

    # -------------------------------------------------------------------------------------------- predicting

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        """action_unlikely_intent, or zeros; right after a message the scores of intents go with it as metadata."""
        name = type(self).__name__
        intent = tracker.latest_message.intent_name
        nothing = Prediction(one_hot(None, domain), name, self.priority)
        if self.network is None or self.vocabulary is None or intent is None:
            return nothing
        if not _user_spoke_last(tracker) or intent not in self.vocabulary.intents:
            return nothing
        states = dialogue_states(tracker, domain, rule_only).visible_states("intent", self._width + 1)
        before = states[:-1] if states and states[-1].after_listen else states[-self._width :]
        scores = self._compared(tuple(before), self._similarities)
        is_unlikely = self._is_unlikely(intent, scores)
        return Prediction(
            one_hot(ACTION_UNLIKELY_INTENT if is_unlikely else None, domain),
            name,
            self.priority,
            action_metadata=self._metadata(intent, scores),
            reason=Reason("model", name),
        )

    def _similarities(self, states: States) -> np.ndarray:
        assert self.network is not None
        assert self.vocabulary is not None
        return self.network.similarities(self.vocabulary.encode(states, {}))

    def only_scores(self, tracker: Tracker) -> bool:
        """Always: what it says of intents goes with its own action only."""
        return True

    def _is_unlikely(self, intent: str, scores: np.ndarray) -> bool:
        assert self.vocabulary is not None
        threshold = self._threshold(intent)
        if threshold is None or intent in self.options["ignore_intents_list"]:
            return False
        place = self.vocabulary.intents[intent]
        return bool(scores[place] < threshold and int(np.argmax(scores)) != place)

    def _threshold(self, intent: str) -> float | None:
        known = self.thresholds.get(intent)
        if known is None:
            return None
        return known[min(int(self.options["tolerance"] * len(known)), len(known) - 1)]

    def _metadata(self, intent: str, scores: np.ndarray) -> dict[str, Any]:
        assert self.vocabulary is not None
        names = list(self.vocabulary.intents)
        best = np.argsort(-scores, kind="stable")
        length = self.options["ranking_length"]
        ranking = best[:length] if length else best
        return {
            "query_intent": self._graded(intent, float(scores[self.vocabulary.intents[intent]])),
            "ranking": [self._graded(names[place], float(scores[place])) for place in ranking],
        }

    def _graded(self, intent: str, score: float) -> dict[str, Any]:
        threshold = self._threshold(intent)
        severity = None if threshold is None else threshold - score
        return {"name": intent, "score": score, "threshold": threshold, "severity": severity}

    def _more(self) -> dict[str, Any]:
        return {"thresholds": self.thresholds}

    def _restore(self, config: Mapping[str, Any]) -> None:
        self.thresholds = {name: list(values) for name, values in config["thresholds"].items()}


def _has_texts(tracker: TrainingTracker) -> bool:
    return any(state.text or state.action_text for state in tracker.states)


def _user_spoke_last(tracker: Tracker) -> bool:
    for event in reversed(tracker.applied):
        if isinstance(event, UserUttered):
            return True
        if isinstance(event, ActionExecuted):
            return False
    return False
