from collections.abc import Callable
from typing import Any

from shoptalk.dialogue.conflicts import find_conflicts

DATA = """
stories:
- story: polite
  steps:
  - intent: greet
  - action: utter_greet
- story: impolite
  steps:
  - intent: greet
  - action: utter_bye
- story: later
  steps:
  - intent: help
  - action: utter_help
  - intent: greet
  - action: utter_done
"""


def test_both_sides_are_named_with_file_and_line(project: Callable[..., Any]) -> None:
    read = project(DATA)
    (conflict,) = find_conflicts(read.stories, read.domain)
    assert [(side.action, str(side.source), side.snippets[0][0]) for side in conflict.sides] == [
        ("utter_greet", "data/stories.yml:6", "polite"),
        ("utter_bye", "data/stories.yml:10", "impolite"),
    ]
    assert conflict.after == "intent 'greet'"
    assert "'utter_bye' in 'impolite' (data/stories.yml:7)" in str(conflict)
    assert "Shared history: user: greet" in str(conflict)


def test_patches_are_data(project: Callable[..., Any]) -> None:
    read = project(DATA)
    (conflict,) = find_conflicts(read.stories, read.domain)
    patches = {patch.kind: patch for patch in reversed(conflict.patches)}
    assert patches["rule"].yaml == "- rule: polite\n  steps:\n  - intent: greet\n  - action: utter_greet"
    assert patches["merge"].yaml == "- action: utter_greet"
    assert str(patches["merge"].source) == "data/stories.yml:10"
    assert patches["slot"].yaml == "- slot_was_set:\n  - city: …"


def test_a_longer_history_is_offered_where_it_helps(project: Callable[..., Any]) -> None:
    read = project(
        DATA.replace("- story: impolite\n  steps:\n  - intent: greet\n  - action: utter_bye\n", "")
    )
    assert find_conflicts(read.stories, read.domain) == []
    (conflict,) = find_conflicts(read.stories, read.domain, max_history=1)
    assert [patch.title for patch in conflict.patches if patch.kind == "history"] == [
        "Look further back: with `max_history: 2` the stories differ."
    ]


def test_one_story_that_goes_on_where_another_ends(project: Callable[..., Any]) -> None:
    longer = DATA.replace("impolite", "longer").replace(
        "- action: utter_bye", "- action: utter_greet\n  - action: utter_done"
    )
    read = project(longer)
    (conflict,) = find_conflicts(read.stories, read.domain)
    assert {side.action for side in conflict.sides} == {"action_listen", "utter_done"}
    merge = next(patch for patch in conflict.patches if patch.kind == "merge")
    assert "add `- action: utter_done` to 'polite' (data/stories.yml:3)" in merge.title


def test_stories_that_agree_do_not_clash(project: Callable[..., Any]) -> None:
    read = project(DATA.replace("utter_bye", "utter_greet"))
    assert find_conflicts(read.stories, read.domain) == []
