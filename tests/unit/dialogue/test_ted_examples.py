from collections.abc import Callable
from typing import Any

from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.core.training_data import NOWHERE
from shoptalk.dialogue.policies.ted_examples import expectations, whole, windows
from shoptalk.dialogue.training_trackers import TrainingTracker

PLACES = {"action_listen": 0, "utter_greet": 1, "utter_done": 2}


def story(domain: Any, *said: str, by_chance: bool = False) -> TrainingTracker:
    """A conversation: intents, each answered by the action after it, with listening in between."""
    tracker = Tracker("", domain.all_slots)
    tracker.apply(ActionExecuted(name="action_listen"))
    for intent, action in zip(said[::2], said[1::2], strict=True):
        tracker.apply(UserUttered(text="", parse_data={"intent": {"name": intent, "confidence": 1.0}}))
        tracker.apply(ActionExecuted(name=action))
        tracker.apply(ActionExecuted(name="action_listen"))
    return TrainingTracker("s", NOWHERE, tracker, domain, is_augmented=by_chance)


def test_each_window_is_learnt_once(project: Callable[..., Any]) -> None:
    domain = project("stories: []").domain
    told = story(domain, "greet", "utter_greet")
    rows = windows(
        [told, story(domain, "greet", "utter_greet", "greet", "utter_greet", by_chance=True)], PLACES, 2
    )
    learnt = [([state.action for state in row.states], row.labels[0], row.by_chance) for row in rows]
    assert learnt == [
        ([None], 0, False),
        ([None, "action_listen"], 1, False),
        (["action_listen", "utter_greet"], 0, False),
        (["utter_greet", "action_listen"], 1, True),
    ]


def test_whole_conversations_keep_places_of_what_cannot_be_learnt(project: Callable[..., Any]) -> None:
    domain = project("stories: []").domain
    told = story(domain, "greet", "utter_greet", "yes", "unheard_of")
    (row,) = whole([told, told], PLACES, -100)
    assert row.labels == (0, 1, 0, -100, 0)
    assert len(row.states) == 5


def test_an_intent_is_expected_where_the_user_spoke_not_at_the_end(project: Callable[..., Any]) -> None:
    domain = project("stories: []").domain
    told = story(domain, "greet", "utter_greet", "yes", "utter_done")
    expected, by_chance = expectations([told], {"greet", "yes"}, 5)
    found = {tuple(state.action for state in states): intents for states, intents in expected.items()}
    assert found == {(None,): {"greet"}, (None, "action_listen", "utter_greet"): {"yes"}}
    assert not by_chance
