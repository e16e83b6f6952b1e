"""Conversations Rasa had, had again; see README.md for how to read `facts.txt`."""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shoptalk.actions.custom import Answer
from shoptalk.actions.runner import ActionRunner
from shoptalk.assistant import Assistant
from shoptalk.core.events import (
    ActionExecuted,
    BotUttered,
    Event,
    SlotSet,
    UserFeaturization,
    UserUttered,
    decode,
)
from shoptalk.core.messages import UserMessage
from shoptalk.dialogue.engine import Dialogue
from shoptalk.errors import ActionError, DataError, Rejected
from shoptalk.formats.project import load_project
from shoptalk.nlu.pipeline import Pipeline

HERE = Path(__file__).parent
SESSION = ["action_session_start None 1.0", "session_started", "action_listen"]
EARLIER = re.compile(r"\((\d+) of an earlier session\)")
ENTITY_KEYS = ("entity", "value", "start", "end", "role", "group", "extractor")
UNSTABLE = ("timestamp", "metadata", "date_time")


@dataclass
class Turn:
    """Something said, what custom actions answered, and the events that came of it."""

    said: str
    calls: list[tuple[str, object]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@dataclass
class Case:
    """One recorded conversation."""

    name: str
    turns: list[Turn] = field(default_factory=list)
    end: dict = field(default_factory=dict)


def read_facts(text: str) -> Iterator[Case]:
    """The cases of a facts file."""
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        case = Case(lines[0].removeprefix("= "))
        for line in lines[1:]:
            mark, rest = line[:2], line[2:]
            if mark == "> ":
                case.turns.append(Turn(rest))
            elif mark == "! ":
                name, _, answer = rest.partition(" ")
                case.turns[-1].calls.append((name, json.loads(answer)))
            elif mark == "  ":
                case.turns[-1].events.extend(SESSION if rest == "session" else [rest])
            else:
                case.end = json.loads(rest)
        yield case


CASES = list(read_facts((HERE / "facts.txt").read_text(encoding="utf-8")))


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
        if answer == "failed":
            raise ActionError("recorded")
        return Answer(answer.get("events", []), answer.get("responses", []))

    async def close(self):
        """Nothing is open."""


@pytest.fixture(scope="module")
def trained():
    """The project's domain, dialogue and pipeline."""
    project = load_project(HERE / "corners")
    dialogue = Dialogue.build(project.config.policies)
    dialogue.train(project.stories, project.domain)
    pipeline = Pipeline.build(project.config.pipeline, project.config.language)
    pipeline.train(project.training_data)
    pipeline.domain_intents = project.domain.intent_names
    pipeline.domain_entities = frozenset(project.domain.entities)
    return project.domain, dialogue, pipeline


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_conversation_goes_as_with_rasa(case, trained):
    domain, dialogue, pipeline = trained
    custom = Recorded()
    assistant = Assistant(domain, dialogue, pipeline, ActionRunner(domain, custom=custom))
    seen = 0
    for turn in case.turns:
        custom.calls = list(turn.calls)
        replies = await _take(assistant, turn.said)
        assert not custom.calls, "actions that Rasa called were not called"
        events = (await assistant.tracker("anna", full=True)).events[seen:]
        seen += len(events)
        assert _compared([outline(event) for event in events], turn.events) == turn.events
        said = [event.text for event in events if isinstance(event, BotUttered)]
        assert [reply["text"] for reply in replies] == said or "append" in turn.said
    tracker = await assistant.tracker("anna", full=True)
    assert _ending(tracker.as_dict()) == case.end
    await assistant.close()


async def _take(assistant: Assistant, said: str) -> list[dict]:
    if not said.startswith("{"):
        return await assistant.handle(UserMessage(said, "anna"))
    body = json.loads(said)
    if "append" in body:
        items = body["append"] if isinstance(body["append"], list) else [body["append"]]
        with contextlib.suppress(DataError):  # the HTTP API refuses events that are none
            await assistant.add_events("anna", [decode(item, strict=True) for item in items])
        return []
    if "trigger" in body:
        known = body["trigger"] in assistant.domain.intent_names
        return await assistant.trigger("anna", body["trigger"], body.get("entities")) if known else []
    return await assistant.handle(UserMessage(body["say"].strip(), "anna", metadata=body.get("metadata") or {}))


def _compared(outlines: list[str], expected: list[str]) -> list[str]:
    """Our events with as many hidden as the facts hide."""
    hidden = EARLIER.fullmatch(expected[0]) if expected else None
    return [expected[0], *outlines[int(hidden[1]) :]] if hidden else outlines


def _json(value) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def outline(event: Event) -> str:
    """An event as the facts write it."""
    match event:
        case ActionExecuted():
            name = event.name or _json(event.action_text)
            hidden = " hidden" if event.hide_rule_turn else ""
            return f"{name} {event.policy} {event.confidence}".replace(" None None", "") + hidden
        case UserUttered():
            intent = event.intent
            found = [{k: e[k] for k in ENTITY_KEYS if e.get(k) is not None} for e in event.entities]
            line = f"user {_json(event.text)} {intent.get('name')} {intent.get('confidence')}"
            more = [value for value in (found, dict(event.metadata)) if value]
            return " ".join([line, *map(_json, more)])
        case SlotSet():
            return f"slot {event.name} {_json(event.value)}"
        case UserFeaturization():
            return "by text" if event.use_text_for_featurization else "by intent"
        case BotUttered():
            rest = {key: value for key, value in event.data.items() if value is not None}
            metadata = {key: value for key, value in event.metadata.items() if key != "utter_action"}
            if metadata:
                rest["metadata"] = metadata
            line = f"says {event.metadata.get('utter_action', '-')} {_json(event.text)}"
            return f"{line} {_json(rest)}" if rest else line
    rest = {key: value for key, value in event.as_dict().items() if key not in ("event", *UNSTABLE)}
    return f"{event.kind} {_json(rest)}" if rest else event.kind


def _ending(state: dict) -> dict:
    latest = state["latest_message"]
    out = {
        "slots": {name: value for name, value in state["slots"].items() if value is not None},
        "latest": [latest["text"], (latest.get("intent") or {}).get("name"), state["latest_action_name"]],
    }
    loop = dict(state["active_loop"])
    if loop:
        trigger = loop["trigger_message"]
        loop["trigger_message"] = {"text": trigger["text"], "intent": (trigger.get("intent") or {}).get("name")}
        out["active_loop"] = loop
    if state["paused"]:
        out["paused"] = True
    if state["followup_action"]:
        out["followup_action"] = state["followup_action"]
    return out
