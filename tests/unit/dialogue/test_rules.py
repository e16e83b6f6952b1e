from collections.abc import Callable
from typing import Any

import pytest

from shoptalk.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    LoopInterrupted,
    SlotSet,
    UserFeaturization,
)
from shoptalk.errors import ConfigError, DataError

TalkOf = Callable[..., Any]

RULES = """
rules:
- rule: greeting
  steps:
  - intent: greet
  - action: utter_greet
- rule: help for the known
  condition:
  - slot_was_set:
    - known: true
  steps:
  - intent: help
  - action: utter_done
- rule: help for those never asked
  condition:
  - slot_was_set:
    - known: null
  steps:
  - intent: help
  - action: utter_help
- rule: open the form
  steps:
  - intent: order
  - action: order_form
  - active_loop: order_form
- rule: close the form
  condition:
  - active_loop: order_form
  steps:
  - action: order_form
  - active_loop: null
  - action: utter_done
"""


def test_a_rule_answers_and_then_listens(talk: TalkOf) -> None:
    assert talk(RULES).say("greet") == ["utter_greet", "action_listen"]


def test_a_prediction_says_why(talk: TalkOf) -> None:
    prediction = talk(RULES).hear("greet").predict()
    assert (prediction.policy, prediction.confidence, prediction.hide_rule_turn) == ("RulePolicy", 1.0, True)
    assert prediction.reason.as_dict() == {
        "kind": "rule", "name": "greeting", "file": "data/stories.yml", "line": 3,
    }  # fmt: skip
    assert prediction.events == (UserFeaturization(use_text_for_featurization=False),)


def test_without_a_rule_the_fallback_wins_by_its_threshold(talk: TalkOf) -> None:
    conversation = talk(RULES, {"name": "RulePolicy", "core_fallback_threshold": 0.4})
    prediction = conversation.hear("bye").predict()
    assert prediction.action(conversation.domain) == "action_default_fallback"
    assert (prediction.confidence, prediction.reason.kind) == (0.4, "fallback")


def test_without_a_fallback_nothing_known_means_listening(talk: TalkOf) -> None:
    conversation = talk(RULES, {"name": "RulePolicy", "enable_fallback_prediction": False})
    prediction = conversation.hear("bye").predict()
    assert (prediction.action(conversation.domain), prediction.confidence) == ("action_listen", 0.0)


def test_conditions_on_slots(talk: TalkOf) -> None:
    conversation = talk(RULES)
    assert conversation.say("help")[0] == "utter_help"
    conversation.tracker.apply(SlotSet(name="known", value=True))
    assert conversation.say("help")[0] == "utter_done"
    conversation.tracker.apply(SlotSet(name="known", value=False))
    assert conversation.say("help")[0] == "action_default_fallback"


def test_built_in_intents_need_no_rule(talk: TalkOf) -> None:
    conversation = talk(RULES)
    prediction = conversation.hear("restart").predict()
    assert prediction.action(conversation.domain) == "action_restart"
    assert prediction.reason.kind == "default"


def test_an_open_form_goes_on_whatever_is_said(talk: TalkOf) -> None:
    conversation = talk(RULES)
    conversation.hear("order")
    assert conversation.act() == "order_form"
    conversation.tracker.apply(ActiveLoop(name="order_form"))
    assert conversation.act() == "action_listen"
    prediction = conversation.hear("greet").predict()
    assert prediction.action(conversation.domain) == "order_form"
    assert prediction.is_no_user
    assert (prediction.reason.kind, prediction.reason.name) == ("loop", "order_form")


def reject_form(conversation: Any, intent: str) -> None:
    conversation.hear("order")
    conversation.act()
    conversation.tracker.apply(ActiveLoop(name="order_form"))
    conversation.act()
    conversation.hear(intent)
    conversation.tracker.apply(ActionExecutionRejected(name="order_form"))


def test_after_an_answer_in_between_the_form_goes_on_and_is_told(talk: TalkOf) -> None:
    conversation = talk(RULES)
    reject_form(conversation, "greet")
    assert conversation.act() == "utter_greet"
    prediction = conversation.predict()
    assert prediction.action(conversation.domain) == "order_form"


def test_a_story_that_returns_to_the_form_interrupts_it(talk: TalkOf) -> None:
    story = """
stories:
- story: help in between
  steps:
  - intent: order
  - action: order_form
  - active_loop: order_form
  - intent: bye
  - action: utter_bye
  - intent: yes
  - action: order_form
  - active_loop: null
  - action: utter_done
"""
    conversation = talk(story + RULES, "MemoizationPolicy", "RulePolicy")
    reject_form(conversation, "bye")
    assert [conversation.act(), conversation.act()] == ["utter_bye", "action_listen"]
    conversation.hear("yes")
    conversation.tracker.apply(ActionExecutionRejected(name="order_form"))
    prediction = conversation.predict()
    assert LoopInterrupted(is_interrupted=True) in prediction.events


def test_a_closed_form_is_followed_by_its_rule(talk: TalkOf) -> None:
    conversation = talk(RULES)
    conversation.hear("order")
    conversation.act()
    conversation.tracker.apply_all([ActiveLoop(name="order_form"), ActiveLoop(name=None)])
    assert [conversation.act(), conversation.act()] == ["utter_done", "action_listen"]


def test_a_rejected_action_cannot_win_so_that_the_fallback_does(talk: TalkOf) -> None:
    conversation = talk(RULES)
    conversation.hear("greet")
    conversation.tracker.apply(ActionExecutionRejected(name="utter_greet"))
    prediction = conversation.predict()
    assert prediction.action(conversation.domain) == "action_default_fallback"
    assert prediction.confidence == 0.3


def test_a_rule_of_the_start_holds_only_there(talk: TalkOf) -> None:
    conversation = talk(
        "rules:\n- rule: first\n  conversation_start: true\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
    )
    assert conversation.say("greet")[0] == "utter_greet"
    assert conversation.say("greet")[0] == "action_default_fallback"


def test_the_longer_rule_wins(talk: TalkOf) -> None:
    data = """
rules:
- rule: short
  steps:
  - intent: greet
  - action: utter_greet
- rule: with a city
  steps:
  - intent: greet
    entities:
    - city: Rome
  - slot_was_set:
    - city: Rome
  - action: utter_done
"""
    conversation = talk(data)
    conversation.tracker.apply(SlotSet(name="city", value="Rome"))
    assert conversation.say("greet")[0] == "utter_greet"
    assert conversation.say("greet", entities=[{"entity": "city", "value": "Rome"}])[0] == "utter_done"


def test_rules_that_do_not_wait_chain(talk: TalkOf) -> None:
    data = """
rules:
- rule: one
  steps:
  - intent: greet
  - action: utter_greet
  wait_for_user_input: false
- rule: two
  steps:
  - action: utter_greet
  - action: utter_help
"""
    assert talk(data).say("greet") == ["utter_greet", "utter_help", "action_listen"]


def test_text_rules_need_the_very_text(talk: TalkOf) -> None:
    conversation = talk("rules:\n- rule: t\n  steps:\n  - user: good day\n  - action: utter_greet\n")
    prediction = conversation.hear("bye", text="good day").predict()
    assert prediction.action(conversation.domain) == "utter_greet"
    assert prediction.is_end_to_end
    assert conversation.hear("bye", text="other words").predict().confidence == 0.3


def test_the_confidence_of_the_intent_can_be_the_score(talk: TalkOf) -> None:
    conversation = talk(RULES, {"name": "RulePolicy", "use_nlu_confidence_as_score": True})
    assert conversation.hear("greet").predict().confidence == 0.9


def test_turns_that_stories_show_too_are_not_hidden(talk: TalkOf) -> None:
    story = "stories:\n- story: s\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
    assert not talk(story + RULES).hear("greet").predict().hide_rule_turn


def problem(talk: TalkOf, data: str, *policies: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        talk(data, *policies)
    return caught.value


def test_a_story_against_a_rule_names_both_with_file_and_line(talk: TalkOf) -> None:
    error = problem(
        talk,
        """
rules:
- rule: greeting
  steps:
  - intent: greet
  - action: utter_greet
stories:
- story: impolite
  steps:
  - intent: greet
  - action: utter_bye
""",
    )
    assert error.where == "data/stories.yml:11"
    assert "data/stories.yml:11: story 'impolite' goes on with 'utter_bye'" in str(error)
    assert "but 'greeting' (data/stories.yml:3) predicts 'utter_greet'" in str(error)
    assert "Write `- action: utter_greet` in the story" in str(error)


def test_two_rules_against_each_other(talk: TalkOf) -> None:
    error = problem(
        talk,
        """
rules:
- rule: one
  steps:
  - intent: greet
  - action: utter_greet
- rule: two
  steps:
  - intent: greet
  - action: utter_bye
""",
    )
    assert "rule 'one' goes on with 'utter_greet', but 'two' (data/stories.yml:7)" in str(error)
    assert "rule 'two' goes on with 'utter_bye', but 'one' (data/stories.yml:3)" in str(error)


def test_contradictions_can_be_let_pass(talk: TalkOf) -> None:
    data = """
rules:
- rule: greeting
  steps:
  - intent: greet
  - action: utter_greet
stories:
- story: impolite
  steps:
  - intent: greet
  - action: utter_bye
"""
    assert (
        talk(data, {"name": "RulePolicy", "check_for_contradictions": False}).say("greet")[0] == "utter_greet"
    )


def test_a_rule_has_one_message(talk: TalkOf) -> None:
    data = "rules:\n- rule: long\n  steps:\n  - intent: greet\n  - action: utter_greet\n  - intent: bye\n  - action: utter_bye\n"
    error = problem(talk, data)
    assert "more than one user message" in str(error)
    assert "data/stories.yml:3: rule 'long'" in str(error)
    assert talk(data, {"name": "RulePolicy", "restrict_rules": False}).say("greet")[0] == "utter_greet"


def test_a_rule_that_leaves_out_a_slot_is_incomplete(talk: TalkOf) -> None:
    error = problem(
        talk,
        """
rules:
- rule: sets it
  steps:
  - intent: greet
  - action: utter_greet
  - slot_was_set:
    - known: true
- rule: forgets it
  steps:
  - intent: bye
  - action: utter_greet
""",
    )
    assert "Incomplete rules" in str(error)
    assert (
        "'utter_greet' in rule 'forgets it' does not set slots it sets in other rules: 'known' (data/stories.yml:8)"
        in str(error)
    )
    assert error.where == "data/stories.yml:12"


def test_a_rule_that_leaves_out_the_loop_is_incomplete(talk: TalkOf) -> None:
    error = problem(
        talk,
        RULES
        + """
- rule: forgets the loop
  steps:
  - intent: yes
  - action: order_form
""",
    )
    assert "the form 'order_form' in rule 'forgets the loop' does not set the active_loop" in str(error)


def test_the_fallback_action_must_exist(talk: TalkOf) -> None:
    with pytest.raises(ConfigError, match="no_such_action"):
        talk(RULES, {"name": "RulePolicy", "core_fallback_action_name": "no_such_action"})


def test_after_a_restart_of_the_tracker_rules_still_hold(talk: TalkOf) -> None:
    conversation = talk(RULES)
    for _ in range(3):
        conversation.say("greet")
    conversation.tracker.apply(ActionExecuted(name="action_listen"))
    assert conversation.say("greet") == ["utter_greet", "action_listen"]
