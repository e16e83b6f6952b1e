"""Conversations Rasa had, had again; see README.md for how to read the facts."""

import contextlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

from bench.parity.facts import ending, outline, read
from bench.parity.projects import OWN
from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.assistant import Assistant
from shoptalk.core.events import BotUttered, decode
from shoptalk.core.messages import UserMessage
from shoptalk.dialogue.engine import Dialogue
from shoptalk.errors import ActionError, DataError, Rejected
from shoptalk.formats.project import load_project
from shoptalk.nlu.pipeline import Pipeline

HERE = Path(__file__).parent
EARLIER = re.compile(r"\((\d+|…) of an earlier session\)")
FACTS = {path.stem: path for path in sorted((HERE / "facts").glob("*.txt"))}
CASES = [(name, fact) for name, path in FACTS.items() for fact in read(path)]


class Recorded:
    """Custom actions that answer what Rasa's were answered."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []

    async def run(self, name, scene):
        if not self.calls or self.calls[0][0] != name:
            return Answer()
        _, answer = self.calls.pop(0)
        if answer == "rejected":
            raise Rejected("recorded")
        if not isinstance(answer, dict) or not isinstance(answer.get("responses") or [], list):
            raise ActionError("recorded")
        return Answer(answer.get("events") or [], answer.get("responses") or [])

    async def close(self):
        """Nothing is open."""


@cache
def trained(name: str):
    """A project's domain, dialogue and pipeline."""
    folder = OWN / name
    domain = folder / "domain"
    project = load_project(folder, domain=domain if domain.is_dir() else None)
    dialogue = Dialogue.build(project.config.policies)
    dialogue.train(project.stories, project.domain)
    pipeline = Pipeline.build(project.config.pipeline, project.config.language)
    pipeline.train(project.training_data)
    pipeline.domain_intents = project.domain.intent_names
    pipeline.domain_entities = frozenset(project.domain.entities)
    return project.domain, dialogue, pipeline


@pytest.mark.parametrize(("project", "fact"), CASES, ids=[f"{name}: {fact.name}" for name, fact in CASES])
async def test_the_conversation_goes_as_with_rasa(project, fact):
    domain, dialogue, pipeline = trained(project)
    custom = Recorded()
    assistant = Assistant(domain, dialogue, pipeline, ActionRunner(domain, custom=custom))
    seen = 0
    for turn in fact.turns:
        custom.calls = list(turn.calls)
        replies = await _take(assistant, turn.said)
        assert not custom.calls, "actions that Rasa called were not called"
        stored = await assistant.store.load("anna", full=True)
        kept = [decode(event) for event in stored.events] if stored else []
        events = kept[max(0, seen - stored.first_index) :] if stored else []
        seen = stored.length if stored else 0
        assert _compared([outline(event) for event in events], turn.events) == turn.events
        said = [event.text for event in events if isinstance(event, BotUttered)]
        assert [reply["text"] for reply in replies] == said or "append" in turn.said
    tracker = await assistant.tracker("anna", full=True)
    assert ending(tracker.as_dict()) == fact.end
    await assistant.close()


async def _take(assistant: Assistant, said: str) -> list[dict]:
    if not said.startswith("{"):
        return await assistant.handle(UserMessage(said.strip(), "anna"))
    body = json.loads(said)
    if "append" in body:
        items = body["append"] if isinstance(body["append"], list) else [body["append"]]
        with contextlib.suppress(DataError):  # the HTTP API refuses events that are none
            await assistant.add_events("anna", [decode(item, strict=True) for item in items])
        return []
    if "trigger" in body:
        wanted = body["trigger"] if isinstance(body["trigger"], dict) else {**body, "name": body["trigger"]}
        known = wanted.get("name") in assistant.domain.intent_names
        return await assistant.trigger("anna", wanted["name"], wanted.get("entities")) if known else []
    return await assistant.handle(
        UserMessage(body["say"].strip(), "anna", metadata=body.get("metadata") or {})
    )


def _compared(outlines: list[str], expected: list[str]) -> list[str]:
    """Our events with as many hidden as the facts hide."""
    hidden = EARLIER.fullmatch(expected[0]) if expected else None
    if hidden is None:
        return outlines
    known = len(outlines) - len(expected) + 1 if hidden[1] == "…" else int(hidden[1])
    return [expected[0], *outlines[known:]]
