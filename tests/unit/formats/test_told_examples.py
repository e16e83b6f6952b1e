"""Texts that stories give with their intents are examples of them, as for Rasa."""

from __future__ import annotations

from pathlib import Path

from shoptalk.formats.project import load_project

STORIES = """\
stories:
- story: told
  steps:
  - intent: thanks
    user: many thanks
  - action: utter_bye
  - intent: bye
    user: see [you](who) then
  - action: utter_bye
  - intent: bye
    user: goodbye
  - user: a text alone
  - action: utter_bye
"""


def test_stories_add_to_the_examples_what_is_not_among_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: []\n")
    (tmp_path / "domain.yml").write_text(
        "intents: [bye, thanks]\nentities: [who]\nresponses:\n  utter_bye: [{text: Bye}]\n"
    )
    (tmp_path / "data" / "nlu.yml").write_text("nlu:\n- intent: bye\n  examples: |\n    - goodbye\n")
    (tmp_path / "data" / "stories.yml").write_text(STORIES)
    examples = load_project(tmp_path).training_data.examples
    assert [(e.text, e.intent, [s.entity for s in e.entities]) for e in examples] == [
        ("goodbye", "bye", []),
        ("see you then", "bye", ["who"]),
        ("many thanks", "thanks", []),
    ]
