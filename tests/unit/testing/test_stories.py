"""Test stories: forms get a second chance after a rejection, retrieval intents are compared by their whole names."""

from __future__ import annotations

from pathlib import Path

from shoptalk.assistant import Assistant
from shoptalk.dialogue.engine import Dialogue
from shoptalk.formats.project import load_project, load_stories
from shoptalk.testing.reports import stories_text
from shoptalk.testing.stories import evaluate_stories

DOMAIN = """\
version: "3.1"
intents: [order, chat, stop]
slots:
  tea:
    type: text
    influence_conversation: false
    mappings:
    - type: from_text
      conditions:
      - active_loop: tea_form
forms:
  tea_form:
    required_slots: [tea]
responses:
  utter_ask_tea:
  - text: Which?
  utter_chat:
  - text: Well.
"""
RULES = """\
version: "3.1"
rules:
- rule: begin
  steps:
  - intent: order
  - action: tea_form
  - active_loop: tea_form
- rule: chat
  steps:
  - intent: chat
  - action: utter_chat
"""
TESTS = """\
version: "3.1"
stories:
- story: chat in between
  steps:
  - intent: order
  - action: tea_form
  - active_loop: tea_form
  - intent: chat
  - action: utter_chat
  - action: tea_form
- story: not what the rule says
  steps:
  - intent: chat
  - action: tea_form
"""
CONFIG = "language: en\npipeline: []\npolicies:\n- name: RulePolicy\n"


async def test_a_form_is_asked_again_after_an_emulated_rejection(tmp_path: Path) -> None:
    for name, text in {
        "domain.yml": DOMAIN,
        "data/rules.yml": RULES,
        "config.yml": CONFIG,
        "test_a.yml": TESTS,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    project = load_project(tmp_path)
    dialogue = Dialogue.build(project.config.policies)
    dialogue.train(project.stories, project.domain)
    tests = load_stories([tmp_path / "test_a.yml"], lambda message, source: None, root=tmp_path)
    assistant = Assistant(project.domain, dialogue)
    found = await evaluate_stories(assistant, tests)
    await assistant.close()
    assert [result.failed for result in found.results] == [False, True]
    wrong = [step for step in found.results[1].checked if not step.is_right]
    assert (wrong[0].right, wrong[0].got) == ("tea_form", "utter_chat")
    assert wrong[0].source.line == 14
    text = stories_text(found.failed)
    assert "- story: not what the rule says (test_a.yml)\n" in text
    assert "  - action: tea_form  # predicted: utter_chat\n" in text
    targets, predictions = found.everything()
    assert len(targets) == len(predictions)
    assert found.accuracy == 0.5
