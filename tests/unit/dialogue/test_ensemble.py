import pytest

from shoptalk.core.domain import Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    LoopInterrupted,
    SlotSet,
    UserFeaturization,
    UserUttered,
)
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.ensemble import combine
from shoptalk.dialogue.policies.base import Prediction, one_hot

DOMAIN = Domain(actions=("a", "b"))
HEARD = [ActionExecuted(name="action_listen"), UserUttered(text="x")]


def scored(action: str, score: float, **more: object) -> Prediction:
    return Prediction(one_hot(action, DOMAIN, score), **more)


def winner(*predictions: Prediction, events: list[object] | None = None) -> Prediction:
    tracker = Tracker.from_events("t", events if events is not None else HEARD, DOMAIN)
    return combine(predictions, tracker, DOMAIN)


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        ([scored("a", 0.4), scored("b", 0.5)], "b"),
        ([scored("a", 0.5, priority=2), scored("b", 0.5, priority=3)], "b"),
        ([scored("a", 0.5, priority=2), scored("b", 0.5, priority=2)], "a"),
        ([scored("a", 0.1, is_no_user=True), scored("b", 1.0)], "a"),
        ([scored("a", 0.1, is_end_to_end=True), scored("b", 1.0)], "a"),
        ([scored("a", 1.0, is_end_to_end=True), scored("b", 0.1, is_no_user=True)], "b"),
        ([scored("a", 0.0), scored("b", 0.0)], "action_listen"),
        ([], "action_listen"),
    ],
)
def test_who_wins(predictions: list[Prediction], expected: str) -> None:
    assert winner(*predictions).action(DOMAIN) == expected


def test_events_of_losers_count_optional_ones_only_of_the_winner() -> None:
    lost = scored("a", 0.1, events=(LoopInterrupted(),), optional_events=(SlotSet(name="s", value=1),))
    won = scored("b", 0.9, optional_events=(SlotSet(name="s", value=2),))
    assert winner(lost, won).events == (
        LoopInterrupted(),
        SlotSet(name="s", value=2),
        UserFeaturization(use_text_for_featurization=False),
    )


def test_after_an_action_the_message_is_not_marked_again() -> None:
    assert winner(scored("a", 1.0), events=[*HEARD, ActionExecuted(name="b")]).events == ()


def test_the_mark_says_whether_the_text_counted() -> None:
    assert winner(scored("a", 1.0, is_end_to_end=True)).events == (
        UserFeaturization(use_text_for_featurization=True),
    )


def test_a_rejected_action_cannot_win_until_another_has_run() -> None:
    rejected = [*HEARD, ActionExecutionRejected(name="a")]
    assert winner(scored("a", 1.0), scored("b", 0.2), events=rejected).action(DOMAIN) == "b"
    ran = [*rejected, ActionExecuted(name="b")]
    assert winner(scored("a", 1.0), scored("b", 0.2), events=ran).action(DOMAIN) == "a"
