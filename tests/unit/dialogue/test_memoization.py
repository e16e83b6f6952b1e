from collections.abc import Callable
from typing import Any

from shoptalk.core.events import SlotSet

TalkOf = Callable[..., Any]
DOMAIN = """
intents: [greet, bye, yes, no]
slots:
  known: {type: bool, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_done: [{text: Done}]
"""
STORIES = """
stories:
- story: long
  steps:
  - intent: greet
  - action: utter_greet
  - intent: yes
  - action: utter_done
- story: short
  steps:
  - intent: bye
  - action: utter_bye
"""


def talk_of(talk: TalkOf, data: str = STORIES, policy: str = "MemoizationPolicy", **config: Any) -> Any:
    return talk(data, {"name": policy, **config}, domain=DOMAIN)


def test_a_story_is_followed_to_its_end(talk: TalkOf) -> None:
    conversation = talk_of(talk)
    assert conversation.say("greet") == ["utter_greet", "action_listen"]
    assert conversation.say("yes") == ["utter_done", "action_listen"]
    prediction = conversation.hear("bye").predict()
    assert prediction.confidence == 0.0


def test_a_prediction_names_the_story(talk: TalkOf) -> None:
    prediction = talk_of(talk).hear("bye").predict()
    assert (prediction.reason.kind, prediction.reason.name, prediction.reason.source.line) == (
        "story",
        "short",
        9,
    )
    assert (prediction.policy, prediction.priority, prediction.confidence) == ("MemoizationPolicy", 3, 1.0)


def test_with_a_short_history_the_beginning_does_not_count(talk: TalkOf) -> None:
    conversation = talk_of(talk, max_history=1)
    assert conversation.say("yes") == ["utter_done", "action_listen"]
    assert conversation.say("bye") == ["utter_bye", "action_listen"]


def test_what_two_stories_say_differently_is_forgotten(talk: TalkOf) -> None:
    other = "- story: other\n  steps:\n  - intent: bye\n  - action: utter_done\n"
    assert talk_of(talk, STORIES + other).hear("bye").predict().confidence == 0.0


def test_a_slot_that_was_learnt_before_hides_the_story_unless_it_is_forgotten(talk: TalkOf) -> None:
    for policy, expected in (("MemoizationPolicy", 0.0), ("AugmentedMemoizationPolicy", 1.0)):
        for history in (None, 3):
            conversation = talk_of(talk, policy=policy, max_history=history)
            conversation.tracker.apply(SlotSet(name="known", value=True))
            conversation.say("no")
            assert conversation.hear("bye").predict().confidence == expected


def test_the_confidence_of_the_intent_can_be_the_score(talk: TalkOf) -> None:
    assert talk_of(talk, use_nlu_confidence_as_score=True).hear("bye").predict().confidence == 0.9


def test_rules_are_not_remembered(talk: TalkOf) -> None:
    rule = "rules:\n- rule: r\n  steps:\n  - intent: no\n  - action: utter_done\n"
    assert talk_of(talk, rule + STORIES).hear("no").predict().confidence == 0.0
