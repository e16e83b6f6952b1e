import logging
from collections.abc import Callable

import pytest

from shoptalk.core.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from shoptalk.dialogue.training_trackers import TrainingTracker, training_trackers
from shoptalk.formats.project import Project


def told(tracker: TrainingTracker) -> str:
    out = []
    for event in tracker.events:
        if isinstance(event, UserUttered):
            out.append(f"{event.intent_name or event.text}?")
        elif isinstance(event, ActionExecuted):
            out.append("." if event.name == "action_listen" else str(event.name_or_text))
        elif isinstance(event, SlotSet | ActiveLoop):
            out.append(f"{event.name}={getattr(event, 'value', '')}")
    return " ".join(out)


@pytest.fixture
def tell(project: Callable[..., Project]) -> Callable[..., list[str]]:
    def make(data: str, augmentation: int = 0) -> list[str]:
        read = project(data)
        return [told(t) for t in training_trackers(read.stories, read.domain, augmentation=augmentation)]

    return make


def test_listening_and_slots_of_entities_are_implied(tell: Callable[..., list[str]]) -> None:
    data = """
stories:
- story: a
  steps:
  - intent: greet
    entities:
    - city: Rome
  - slot_was_set:
    - city: Rome
  - action: utter_greet
"""
    assert tell(data) == [". greet? city=Rome city=Rome utter_greet ."]


def test_or_forks_and_joins(tell: Callable[..., list[str]]) -> None:
    data = """
stories:
- story: a
  steps:
  - or:
    - intent: yes
    - intent: no
  - action: utter_greet
  - or:
    - slot_was_set:
      - known: true
    - slot_was_set:
      - city: X
  - action: utter_bye
"""
    assert sorted(tell(data)) == sorted(
        f". {said}? utter_greet {slot} utter_bye ."
        for said in ("yes", "no")
        for slot in ("known=True", "city=X")
    )


CHECKPOINTS = """
stories:
- story: enter
  steps:
  - intent: greet
  - action: utter_greet
  - checkpoint: ask
- story: known
  steps:
  - checkpoint: ask
    slot_was_set:
    - known: true
  - intent: yes
  - action: utter_done
- story: any
  steps:
  - checkpoint: ask
  - intent: no
  - action: utter_bye
- story: other way in
  steps:
  - intent: help
  - slot_was_set:
    - known: true
  - action: utter_help
  - checkpoint: ask
"""


def test_checkpoints_join_stories_and_conditions_prune(tell: Callable[..., list[str]]) -> None:
    assert sorted(tell(CHECKPOINTS)) == [
        ". greet? utter_greet . no? utter_bye .",
        ". help? known=True utter_help . no? utter_bye .",
        ". help? known=True utter_help . yes? utter_done .",
    ]


def test_names_of_joined_stories_are_kept(project: Callable[..., Project]) -> None:
    read = project(CHECKPOINTS)
    names = {t.name for t in training_trackers(read.stories, read.domain, augmentation=0)}
    assert names == {"enter > any", "other way in > any", "other way in > known"}


def test_circles_are_gone_through_and_end(tell: Callable[..., list[str]]) -> None:
    data = """
stories:
- story: enter
  steps:
  - intent: greet
  - action: utter_greet
  - checkpoint: ask
- story: again
  steps:
  - checkpoint: ask
  - intent: help
  - action: utter_help
  - checkpoint: ask
- story: leave
  steps:
  - checkpoint: ask
  - intent: bye
  - action: utter_bye
"""
    assert tell(data) == [
        f". greet? utter_greet {'. help? utter_help ' * n}. bye? utter_bye ." for n in range(4)
    ]


def test_loose_checkpoints_are_named(
    tell: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    data = """
stories:
- story: dead end
  steps:
  - intent: greet
  - action: utter_greet
  - checkpoint: nowhere
- story: from nowhere
  steps:
  - checkpoint: somewhere
  - intent: bye
  - action: utter_bye
"""
    with caplog.at_level(logging.WARNING):
        assert tell(data) == [". greet? utter_greet"]
    assert "data/stories.yml:3: 'dead end' ends at checkpoint 'nowhere'" in caplog.text
    assert "data/stories.yml:8: 'from nowhere' starts at checkpoint 'somewhere'" in caplog.text


def test_an_action_out_of_nowhere_is_not_learnt(project: Callable[..., Project]) -> None:
    read = project(
        "stories:\n- story: a\n  steps:\n  - action: utter_greet\n  - intent: greet\n  - action: utter_bye\n"
    )
    (tracker,) = training_trackers(read.stories, read.domain, augmentation=0)
    assert [(d.action, d.predictable) for d in tracker.decisions] == [
        ("utter_greet", False), ("action_listen", True), ("utter_bye", True), ("action_listen", True),
    ]  # fmt: skip


def test_decisions_know_where_they_stand(project: Callable[..., Project]) -> None:
    read = project("stories:\n- story: a\n  steps:\n  - intent: greet\n  - action: utter_bye\n")
    (tracker,) = training_trackers(read.stories, read.domain, augmentation=0)
    assert str(next(d.source for d in tracker.decisions if d.action == "utter_bye")) == "data/stories.yml:6"


def test_rules_begin_and_end_with_anything(tell: Callable[..., list[str]]) -> None:
    data = """
rules:
- rule: a
  condition:
  - active_loop: order_form
  - slot_was_set:
    - known: null
  steps:
  - intent: help
  - action: utter_help
  wait_for_user_input: false
- rule: b
  conversation_start: true
  steps:
  - intent: greet
  - action: utter_greet
"""
    assert tell(data) == [
        "order_form= known=should_not_be_set ... . help? utter_help ... .",
        ". greet? utter_greet .",
    ]


def test_augmentation_joins_stories_by_chance_but_always_the_same(tell: Callable[..., list[str]]) -> None:
    plain, more = tell(CHECKPOINTS), tell(CHECKPOINTS, 5)
    assert more[:3] == plain
    assert 3 < len(more) <= 3 + 50
    assert ". greet? utter_greet . no? utter_bye . help? known=True utter_help . yes? utter_done ." in more
    assert not any(". ." in conversation for conversation in more)
    assert tell(CHECKPOINTS, 5) == more
