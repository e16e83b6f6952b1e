import random
from collections.abc import Callable

import pytest

from shoptalk.core.domain import Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    Event,
    FollowupAction,
    Restarted,
    SlotSet,
    UserFeaturization,
    UserUtteranceReverted,
    UserUttered,
)
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.features import StateLog, dialogue_states
from shoptalk.dialogue.policies.base import RuleOnly
from shoptalk.dialogue.states import State

LISTEN = ActionExecuted(name="action_listen")


@pytest.fixture
def domain(project: Callable[..., object]) -> Domain:
    return project("stories: []").domain


def user(intent: str, text: str = "words", **entity: str) -> UserUttered:
    entities = [{"entity": name, "value": value} for name, value in entity.items()]
    return UserUttered(
        text=text, parse_data={"intent": {"name": intent, "confidence": 1.0}, "entities": entities}
    )


def some_event(rand: random.Random) -> Event:
    hide = rand.random() < 0.4
    return rand.choice(
        [
            ActionExecuted(name="action_listen", hide_rule_turn=hide),
            ActionExecuted(name="action_listen", hide_rule_turn=hide),
            ActionExecuted(name="utter_greet", hide_rule_turn=hide),
            ActionExecuted(name="order_form", hide_rule_turn=hide),
            ActionExecuted(name="action_unlikely_intent"),
            user("greet", city="Rome"),
            user("bye"),
            UserFeaturization(use_text_for_featurization=rand.random() < 0.5),
            SlotSet(name="city", value=rand.choice(["Rome", None])),
            SlotSet(name="known", value=rand.choice([True, False, None])),
            ActiveLoop(name=rand.choice(["order_form", None])),
            AllSlotsReset(),
            FollowupAction(name="utter_bye"),
            UserUtteranceReverted(),
            ActionReverted(),
            Restarted(),
        ]
    )


@pytest.mark.parametrize("seed", range(60))
def test_states_kept_as_it_goes_equal_states_read_anew(domain: Domain, seed: int) -> None:
    rand = random.Random(seed)
    rule_only = RuleOnly(frozenset(["known"]), frozenset(["order_form"]))
    trackers = [Tracker("a", domain.all_slots)]
    for _ in range(80):
        tracker = rand.choice(trackers)
        if rand.random() < 0.05:
            trackers.append(tracker.copy())
        tracker.apply(some_event(rand))
        if rand.random() < 0.5:
            kept = dialogue_states(tracker, domain, rule_only)
            anew = StateLog(domain, rule_only)
            anew.feed(tracker.applied)
            for view in ("history", "intent", "text"):
                assert kept.states(view) == anew.states(view)
                assert kept.visible_states(view) == anew.visible_states(view)
                assert kept.visible_states(view, 4) == anew.visible_states(view)[-4:]


def test_states_of_a_turn(domain: Domain) -> None:
    tracker = Tracker.from_events(
        "a", [LISTEN, user("greet", city="Rome"), SlotSet(name="city", value="Rome")], domain
    )
    level = ("level", (1.0, 0.5))
    slots = (("city", (1.0,)), level)
    assert dialogue_states(tracker, domain).states() == [
        State(slots=(level,)),
        State(intent="greet", entities=("city",), action="action_listen", slots=slots),
    ]


def test_the_last_message_can_be_shown_by_its_text(domain: Domain) -> None:
    tracker = Tracker.from_events("a", [LISTEN, user("greet", "hello there", city="Rome")], domain)
    log = dialogue_states(tracker, domain)
    assert (log.states("text")[-1].text, log.states("text")[-1].intent) == ("hello there", None)
    assert log.states("text")[-1].entities == ()
    assert (log.states("intent")[-1].text, log.states("intent")[-1].intent) == (None, "greet")


def test_a_message_that_counted_by_its_text_stays_so(domain: Domain) -> None:
    events = [LISTEN, user("greet", "hello"), UserFeaturization(use_text_for_featurization=True)]
    tracker = Tracker.from_events("a", [*events, ActionExecuted(name="utter_greet"), LISTEN], domain)
    assert dialogue_states(tracker, domain).states()[1].text == "hello"


def test_entities_without_influence_are_not_seen(domain: Domain) -> None:
    for intent in ("greet", "nlu_fallback"):
        tracker = Tracker.from_events("a", [LISTEN, user(intent, language="en", city="Rome")], domain)
        assert dialogue_states(tracker, domain).states()[-1].entities == ("city",)


def test_roles_are_labels_of_their_own(domain: Domain) -> None:
    said = UserUttered(
        text="x",
        parse_data={
            "intent": {"name": "order"},
            "entities": [{"entity": "colour", "value": "red", "role": "new"}],
        },
    )
    tracker = Tracker.from_events("a", [LISTEN, said], domain)
    assert dialogue_states(tracker, domain).states()[-1].entities == ("colour", "colour#new")


def test_hidden_turns_are_invisible_to_learning_policies(domain: Domain) -> None:
    hidden = [ActionExecuted(name=name, hide_rule_turn=True) for name in ("utter_help", "action_listen")]
    tracker = Tracker.from_events(
        "a",
        [
            LISTEN,
            user("greet"),
            ActionExecuted(name="utter_greet"),
            LISTEN,
            user("help"),
            *hidden,
            user("bye"),
        ],
        domain,
    )
    log = dialogue_states(tracker, domain)
    assert [s.action for s in log.visible_states()] == [None, "action_listen", "utter_greet", "action_listen"]
    assert log.visible_states()[-1].intent == "bye"
    assert [s.action for s in log.states()][-3:] == ["action_listen", "utter_help", "action_listen"]


def test_remarks_on_unlikely_intents_are_invisible(domain: Domain) -> None:
    tracker = Tracker.from_events(
        "a", [LISTEN, user("greet"), ActionExecuted(name="action_unlikely_intent")], domain
    )
    assert [s.action for s in dialogue_states(tracker, domain).visible_states()] == [None, "action_listen"]


def test_a_turn_costs_the_same_however_long_the_conversation_is(domain: Domain) -> None:
    fed: list[int] = []
    tracker = Tracker("a", domain.all_slots)
    original = StateLog.feed

    def counting(log: StateLog, events: list[Event]) -> None:
        fed.append(len(events))
        original(log, events)

    StateLog.feed = counting
    try:
        for _ in range(200):
            tracker.apply_all([user("greet"), ActionExecuted(name="utter_greet"), LISTEN])
            dialogue_states(tracker, domain)
    finally:
        StateLog.feed = original
    assert fed == [3] * 200


def test_a_snapshot_is_a_beginning_in_the_middle(domain: Domain) -> None:
    before = [
        LISTEN,
        user("greet", city="Rome"),
        SlotSet(name="city", value="Rome"),
        ActionExecuted(name="utter_greet"),
    ]
    after = [LISTEN, user("bye")]
    whole = Tracker.from_events("a", [*before, *after], domain)
    tail = Tracker.from_events("a", after, domain, Tracker.from_events("a", before, domain).take_snapshot())
    expected = dialogue_states(whole, domain).states()
    assert dialogue_states(tail, domain).states() == expected[-2:]
    assert dialogue_states(tail, domain).visible_states() == expected[-2:]
