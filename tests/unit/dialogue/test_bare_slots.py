"""What a story means by a slot without a value, as Rasa 3.6.21 reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shoptalk.core.events import ActionExecuted, Event, SlotSet, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue.engine import Dialogue
from shoptalk.formats.project import load_project

DOMAIN = """\
intents: [hi]
slots:
  name: {type: text, mappings: [{type: custom}]}
  tags: {type: list, mappings: [{type: custom}]}
  level: {type: float, mappings: [{type: custom}]}
responses:
  utter_known: [{text: Known}]
"""
STORY = (
    "stories:\n- story: known\n  steps:\n  - intent: hi\n  - slot_was_set: [%s]\n  - action: utter_known\n"
)


@pytest.mark.parametrize(
    ("slot", "value", "is_told"),
    [
        ("name", "Ann", True),
        ("name", None, False),
        ("tags", ["a"], True),
        ("tags", [], False),
        ("level", 0.5, False),
        ("level", None, True),
    ],
)
def test_a_bare_slot_is_any_text_or_list_and_no_other_value(
    tmp_path: Path, slot: str, value: Any, is_told: bool
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: [{name: MemoizationPolicy}]\n")
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "data" / "stories.yml").write_text(STORY % slot)
    project = load_project(tmp_path)
    dialogue = Dialogue.build(project.config.policies)
    dialogue.train(project.stories, project.domain)
    said = UserUttered(text="/hi", parse_data={"intent": {"name": "hi", "confidence": 1.0}, "entities": []})
    events: list[Event] = [ActionExecuted("action_listen"), said, SlotSet(name=slot, value=value)]
    tracker = Tracker.from_events("s", events, project.domain)
    assert (dialogue.predict(tracker, project.domain).confidence > 0) is is_told


def test_a_checkpoint_with_a_bare_slot_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: []\n")
    (tmp_path / "domain.yml").write_text(DOMAIN)
    text = "stories:\n- story: s\n  steps:\n  - checkpoint: c\n    slot_was_set: [name]\n  - intent: hi\n  - action: utter_known\n"
    (tmp_path / "data" / "stories.yml").write_text(text)
    project = load_project(tmp_path)
    assert len(project.stories.stories[0].steps) == 2
    assert [
        notice.source.line for notice in project.notices if "checkpoint is left out" in notice.message
    ] == [5]
