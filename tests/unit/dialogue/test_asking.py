"""Policies that could not win are not asked, and that never changes who wins."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import pytest

from shoptalk.archive import Saved
from shoptalk.core.domain import Domain
from shoptalk.core.events import ActionExecuted, ActionExecutionRejected, Event, LoopInterrupted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue import Dialogue
from shoptalk.dialogue.ensemble import combine
from shoptalk.dialogue.policies.base import NOTHING_RULE_ONLY, Prediction, RuleOnly, TrainingContext, one_hot
from shoptalk.dialogue.training_trackers import TrainingTracker

DOMAIN = Domain(actions=("a", "b"))
HEARD: list[Event] = [ActionExecuted(name="action_listen"), UserUttered(text="x")]


class Says:
    """A policy that always says the same."""

    default_priority: ClassVar[int] = 1

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config, self.priority, self.asked = config, int(config["priority"]), 0

    def only_scores(self, tracker: Tracker) -> bool:
        return bool(self.config.get("only_scores"))

    def predict(
        self, tracker: Tracker, domain: Domain, rule_only: RuleOnly = NOTHING_RULE_ONLY
    ) -> Prediction:
        self.asked += 1
        scores = one_hot(self.config["action"], domain, self.config["score"])
        return Prediction(scores, "Says", self.priority, **self.config.get("more", {}))

    def train(
        self, trackers: Sequence[TrainingTracker], domain: Domain, context: TrainingContext
    ) -> None: ...

    def save(self) -> Saved:
        return Saved({})

    @classmethod
    def load(cls, config: Mapping[str, Any], saved: Saved) -> Self:
        return cls(config)


def says(action: str, score: float, priority: int, only_scores: bool = True, **more: Any) -> Says:
    return Says(
        {"action": action, "score": score, "priority": priority, "only_scores": only_scores, "more": more}
    )


def ask(*policies: Says, events: Sequence[Event] = HEARD) -> tuple[Prediction, list[int]]:
    tracker = Tracker.from_events("t", events, DOMAIN)
    won = Dialogue(policies).predict(tracker, DOMAIN)
    everybody = combine([policy.predict(tracker, DOMAIN) for policy in policies], tracker, DOMAIN)
    assert won == everybody
    return won, [policy.asked - 1 for policy in policies]


def test_scores_below_a_certain_policy_are_not_asked_for() -> None:
    assert ask(says("a", 0.9, 1), says("b", 1.0, 3))[1] == [0, 1]


@pytest.mark.parametrize(
    "other",
    [
        says("b", 0.99, 3),  # not certain
        says("b", 1.0, 1),  # of no higher priority
    ],
)
def test_they_are_when_they_may_win(other: Says) -> None:
    assert ask(other, says("a", 1.0, 1))[1] == [1, 1]


def test_a_policy_that_does_more_than_score_is_always_asked() -> None:
    extra = says("a", 0.1, 1, only_scores=False, events=(LoopInterrupted(),))
    won, asked = ask(says("b", 1.0, 3), extra)
    assert asked == [1, 1]
    assert LoopInterrupted() in won.events


def test_nobody_competes_with_a_loop_that_goes_on() -> None:
    assert ask(says("a", 1.0, 9), says("b", 0.5, 1, only_scores=False, is_no_user=True))[1] == [0, 1]


def test_certainty_about_a_rejected_action_is_none() -> None:
    rejected = [*HEARD, ActionExecutionRejected(name="b")]
    won, asked = ask(says("b", 1.0, 3), says("a", 0.4, 1), events=rejected)
    assert (asked, won.action(DOMAIN)) == ([1, 1], "a")


def test_who_wins_is_the_same_for_every_mixture() -> None:
    kinds = list(itertools.product(["a", "b", None], [0.0, 0.5, 1.0], [1, 3], [True, False]))
    saved = 0
    for one, other in itertools.product(kinds, kinds):
        for events in (HEARD, [*HEARD, ActionExecutionRejected(name="a")]):
            _, asked = ask(says(*one), says(*other), events=events)
            saved += asked.count(0)
    assert saved > 100
