"""Small projects, written as YAML in each test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from shoptalk.core.domain import Domain
from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue import Dialogue
from shoptalk.dialogue.policies.base import Prediction
from shoptalk.formats.project import Project, load_project

DOMAIN = """
intents: [greet, bye, order, yes, no, help]
entities: [city, {colour: {roles: [old, new]}}, {language: {influence_conversation: false}}]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  known: {type: bool, mappings: [{type: custom}]}
  level: {type: float, initial_value: 0.5, mappings: [{type: custom}]}
  note: {type: text, influence_conversation: false, mappings: [{type: custom}]}
forms:
  order_form: {required_slots: [city]}
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_help: [{text: Help}]
  utter_done: [{text: Done}]
  utter_default: [{text: Sorry}]
"""

ProjectOf = Callable[..., Project]


@pytest.fixture
def project(tmp_path: Path) -> ProjectOf:
    def make(data: str, domain: str = DOMAIN) -> Project:
        (tmp_path / "config.yml").write_text("recipe: default.v1\nlanguage: en\nassistant_id: test\n")
        (tmp_path / "domain.yml").write_text('version: "3.1"\n' + domain)
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "stories.yml").write_text('version: "3.1"\n' + data.lstrip("\n"))
        return load_project(tmp_path)

    return make


class Talk:
    """A conversation with trained policies; actions do nothing but happen."""

    def __init__(self, dialogue: Dialogue, domain: Domain) -> None:
        self.dialogue, self.domain = dialogue, domain
        self.tracker = Tracker("test", domain.all_slots)
        self.tracker.apply(ActionExecuted(name="action_listen"))

    def hear(self, intent: str, text: str | None = None, entities: Iterable[dict[str, Any]] = ()) -> Talk:
        parse = {"intent": {"name": intent, "confidence": 0.9}, "entities": list(entities)}
        self.tracker.apply(UserUttered(text=text or f"/{intent}", parse_data=parse))
        return self

    def predict(self) -> Prediction:
        return self.dialogue.predict(self.tracker, self.domain)

    def act(self) -> str:
        """Do what is predicted."""
        prediction = self.predict()
        name = prediction.action(self.domain)
        self.tracker.apply_all(prediction.events)
        self.tracker.apply(
            ActionExecuted(name=name, policy=prediction.policy, hide_rule_turn=prediction.hide_rule_turn)
        )
        return name

    def say(self, intent: str, **more: Any) -> list[str]:
        """What is done until the assistant listens."""
        self.hear(intent, **more)
        done: list[str] = []
        while not done or (done[-1] != "action_listen" and len(done) < 10):
            done.append(self.act())
        return done


@pytest.fixture
def talk(project: ProjectOf) -> Callable[..., Talk]:
    def make(data: str, *policies: Any, domain: str = DOMAIN, **train: Any) -> Talk:
        read = project(data, domain)
        configs = [{"name": p} if isinstance(p, str) else p for p in policies or ("RulePolicy",)]
        dialogue = Dialogue.build(configs)
        dialogue.train(read.stories, read.domain, **train)
        again = Dialogue.load(
            configs, dialogue.save(), read.domain, featurize_text=train.get("featurize_text")
        )
        return Talk(again, read.domain)

    return make
