"""What an action sees that is executed from outside, as with Rasa 3.6.21."""

from __future__ import annotations

from pathlib import Path

from shoptalk.actions.base import Scene
from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.assistant import Assistant
from shoptalk.core.messages import UserMessage
from shoptalk.dialogue.engine import Dialogue
from shoptalk.formats.project import load_project

DOMAIN = """\
intents: [begin, tell]
slots:
  a: {type: text, mappings: [{type: from_intent, intent: tell, value: x, conditions: [{active_loop: some_form}]}]}
forms:
  some_form: {required_slots: [a]}
actions: [action_look]
responses:
  utter_ask_a: [{text: A?}]
"""
RULES = """\
rules:
- rule: begin
  steps:
  - intent: begin
  - action: some_form
  - active_loop: some_form
- rule: end
  condition:
  - active_loop: some_form
  steps:
  - action: some_form
  - active_loop: null
"""


class Looking:
    """A custom action that notes the intent of the last message."""

    def __init__(self) -> None:
        self.seen: list[str | None] = []

    async def run(self, name: str, scene: Scene) -> Answer:
        self.seen.append(scene.tracker.latest_message.intent_name)
        return Answer()

    async def close(self) -> None:
        """Nothing is open."""


async def test_an_executed_action_sees_the_message_that_a_form_has_dealt_with(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yml").write_text("pipeline: []\npolicies: [{name: RulePolicy}]\n")
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "data" / "rules.yml").write_text(RULES)
    project = load_project(tmp_path)
    dialogue = Dialogue.build(project.config.policies)
    dialogue.train(project.stories, project.domain)
    looking = Looking()
    assistant = Assistant(project.domain, dialogue, None, ActionRunner(project.domain, custom=looking))
    for text in ("/begin", "/tell"):
        await assistant.handle(UserMessage(text, "anna"))
    assert (await assistant.tracker("anna")).latest_message.intent_name == "begin"
    await assistant.execute("anna", "action_look")
    assert looking.seen == ["tell"]
    await assistant.close()
