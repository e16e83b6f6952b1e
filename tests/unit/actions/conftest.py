"""Scenes to run actions in, from a few lines of domain."""

from collections.abc import Mapping

import pytest

from shoptalk.actions.base import Scene
from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.core.events import UserUttered
from shoptalk.core.tracker import Tracker
from shoptalk.formats.domain import read
from shoptalk.formats.yaml import read_text


class Scripted:
    """Custom actions that answer what a test says: an Answer, or an error to raise."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers, self.calls = dict(answers), []

    async def run(self, name, scene):
        self.calls.append((name, scene.tracker))
        answer = self.answers.get(name, Answer())
        if isinstance(answer, Exception):
            raise answer
        return answer(scene) if callable(answer) else answer

    async def close(self):
        """Nothing is open."""


def domain_of(text):
    """The domain a few lines of YAML describe."""
    return read(read_text(text), lambda message, source: None)


@pytest.fixture
def make_scene():
    """`make_scene(yaml, *events, custom={...}, channel="")` -> a scene after those events."""

    def make(text, *events, custom=None, channel="", responses=None):
        domain = domain_of(text)
        runner = ActionRunner(domain, responses, Scripted(custom) if custom is not None else None)
        tracker = Tracker("anna", domain.all_slots)
        tracker.apply_all(events)
        return Scene(tracker, domain, runner, channel)

    return make


@pytest.fixture
def said():
    """`said(intent, text, entity=value, …)` -> what the user said, after the assistant listened."""

    def make(intent, text=None, *, ranking=None, listen=True, **entities):
        parse = {
            "intent": {"name": intent, "confidence": 1.0},
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
        }
        if ranking:
            parse["intent_ranking"] = [{"name": name} for name in ranking]
        return UserUttered(text=text or f"/{intent}", parse_data=parse)

    return make
