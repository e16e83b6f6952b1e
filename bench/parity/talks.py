"""What is said to both systems: by hand, as stories and rules tell it, through every form, and to the HTTP API."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.parity.client import Turn
from shoptalk.core.domain import Domain
from shoptalk.core.stories import ActionStep, LoopStep, OrStep, Rule, Story, UserStep
from shoptalk.formats.project import Project

MOST_TURNS = 14
MANNERS = ("right", "wrong first", "nothing first", "asides", "text", "leave")
"""How a form is filled."""


@dataclass(slots=True)
class Case:
    """A conversation.

    Args:
        name, kind: of it; kinds are hand, story, test, form and api.
        turns: what is said; grows while it is played when `form` is set.
        form: fills a form by looking at what is asked.
    """

    name: str
    kind: str
    turns: list[Turn] = field(default_factory=list)
    form: FormFiller | None = None


def cases(project: Project, folder: Path) -> Iterator[Case]:
    """Everything that is said to a project."""
    yield from _by_hand(folder / "talks.yml")
    yield from _stories(project)
    yield from _forms(project)
    yield from _api(project)


def chosen_cases(found: Iterator[Case], most: int | None) -> list[Case]:
    """At most so many of each kind, taken evenly; all without a bound."""
    kinds: dict[str, list[Case]] = {}
    for case in found:
        kinds.setdefault(case.kind, []).append(case)
    out: list[Case] = []
    for each in kinds.values():
        step = max(1.0, len(each) / most) if most else 1.0
        out += [each[int(at * step)] for at in range(int(len(each) / step))]
    return out


def _by_hand(path: Path) -> Iterator[Case]:
    for item in yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []:
        turns = [{"say": turn} if isinstance(turn, str) else turn for turn in item["turns"]]
        yield Case(item["name"], "hand", turns)


def _stories(project: Project) -> Iterator[Case]:
    snippets: list[tuple[str, Story | Rule]] = [("story", s) for s in project.stories.stories]
    snippets += [("story", rule) for rule in project.stories.rules]
    snippets += [("test", s) for s in project.test_stories.stories]
    for kind, snippet in snippets:
        ways = [_ways(step, kind) for step in snippet.steps if isinstance(step, UserStep | OrStep)]
        for number, way in enumerate(itertools.islice(itertools.product(*ways), 4)):
            said = [turn for turn in way if turn]
            if said:
                yield Case(f"{snippet.name} ({number + 1})", kind, said)


def _ways(step: UserStep | OrStep, kind: str) -> list[Turn]:
    if isinstance(step, OrStep):
        return [_said(s, kind) for s in step.alternatives if isinstance(s, UserStep)] or [{}]
    return [_said(step, kind)]


def _said(step: UserStep, kind: str) -> Turn:
    if step.text and (kind == "test" or step.intent is None):
        return {"say": step.text}
    values = {str(e["entity"]): e.get("value") or "something" for e in step.entities}
    return {"say": f"/{step.intent}" + (json.dumps(values) if values else "")}


class FormFiller:
    """Fills a form, one requested slot after the other.

    Args:
        domain: with the form's slots.
        form: its name.
        begin: what activates it.
        manner: one of MANNERS.
        asides: intents said in between.
    """

    def __init__(self, domain: Domain, form: str, begin: Turn, manner: str, asides: Sequence[str]) -> None:
        self.domain, self.form, self.begin, self.manner = domain, form, begin, manner
        self.asides = list(asides)
        self._tried: set[str] = set()

    def next(self, tracker: Mapping[str, Any], played: int) -> Turn | None:
        """The next turn, None at the end."""
        if played == 0:
            return self.begin
        loop = (tracker.get("active_loop") or {}).get("name")
        if played >= MOST_TURNS or (loop != self.form and not self.asides):
            return None
        slot = (tracker.get("slots") or {}).get("requested_slot")
        if loop != self.form:
            return {"say": f"/{self.asides.pop(0)}"} if played < 4 else None
        if slot is None:
            return None
        return self._turn(str(slot), played)

    def _turn(self, slot: str, played: int) -> Turn:
        first = slot not in self._tried
        self._tried.add(slot)
        if self.manner == "asides" and self.asides and played % 2:
            return {"say": f"/{self.asides.pop(0)}"}
        if self.manner == "leave" and played >= 3:
            return {"say": "/restart"} if played == 3 else {"say": f"/{(self.asides or ['back'])[0]}"}
        if first and self.manner == "nothing first":
            return {"say": "/" + (self.asides[0] if self.asides else "nlu_fallback")}
        if self.manner == "text":
            return {"say": f"text for {slot}"}
        return self._value(slot, "bad value" if first and self.manner == "wrong first" else f"{slot}-1")

    def _value(self, slot: str, value: str) -> Turn:
        known = self.domain.all_slots.get(slot)
        for mapping in known.mappings if known is not None else ():
            intents = mapping.names("intent")
            name = intents[0] if intents else self._any_intent(mapping.names("not_intent"))
            if mapping.type == "from_entity":
                entity = {"entity": mapping.raw["entity"], "value": value}
                entity |= {key: mapping.raw[key] for key in ("role", "group") if key in mapping.raw}
                return {"trigger": {"name": name, "entities": [entity]}}
            if mapping.type == "from_text":
                return {"say": value}
            if mapping.type == "from_intent":
                return {"say": f"/{name}"}
        return {"append": [{"event": "slot", "name": slot, "value": value}]}

    def _any_intent(self, besides: Sequence[str]) -> str:
        names = [name for name in self.domain.intents if name not in besides]
        return next((name for name in names if "inform" in name), names[0] if names else "nlu_fallback")


def _forms(project: Project) -> Iterator[Case]:
    for form in project.domain.forms:
        begin = _activates(project, form)
        if begin is None:
            continue
        others = [name for name in project.domain.intents if f"/{name}" != begin.get("say")]
        for manner in MANNERS:
            yield Case(
                f"{form}: {manner}", "form", [], FormFiller(project.domain, form, begin, manner, others)
            )
        for other in others:
            yield Case(f"{form}: {other} at once", "form", [begin, {"say": f"/{other}"}, begin])


def _activates(project: Project, form: str) -> Turn | None:
    for snippet in (*project.stories.rules, *project.stories.stories):
        last: UserStep | None = None
        for step in snippet.steps:
            if isinstance(step, UserStep):
                last = step
            elif isinstance(step, ActionStep) and step.name == form and last is not None and last.intent:
                return {"say": f"/{last.intent}"}
            elif isinstance(step, LoopStep):
                break
    return None


def _api(project: Project) -> Iterator[Case]:
    intents = [name for name in project.domain.intents if name not in ("restart", "back", "session_start")]
    one = intents[0] if intents else "nlu_fallback"
    two = intents[1] if len(intents) > 1 else one
    say = [{"say": f"/{one}"}, {"say": f"/{two}"}]
    levels = ("ALL", "APPLIED", "AFTER_RESTART", "NONE", "nonsense")
    for level in levels:
        yield Case(
            f"tracker, {level}",
            "api",
            [*say, {"say": "/restart"}, *say, {"get": f"tracker?include_events={level}"}],
        )
    yield Case(
        "predict",
        "api",
        [{"post": "predict"}, *say, {"post": "predict"}, {"post": "predict?include_events=NONE"}],
    )
    yield Case("story", "api", [{"get": "story"}, *say, {"get": "story"}])
    yield Case("messages", "api", [
        {"post": "messages", "body": {"text": f"/{one}", "sender": "user"}}, {"post": "predict"},
        {"post": "messages", "body": {"text": f"/{one}", "sender": "bot"}},
        {"post": "messages", "body": {"text": "x", "sender": "user", "parse_data": {"intent": {"name": two, "confidence": 0.7}, "entities": [], "text": "x"}}},
    ])  # fmt: skip
    yield Case("events", "api", [
        {"append": {"event": "followup", "name": "action_listen"}}, *say, {"append": []}, {"append": {"event": "unknown"}},
        {"append": [{"event": "slot", "name": "a"}]}, {"append": [{"event": "pause"}, {"event": "undo"}]}, {"append": [{"event": "restart"}]},
    ])  # fmt: skip
    yield from _api_of_texts(project, one)
    yield from _api_of_requests(one)


def _api_of_texts(project: Project, one: str) -> Iterator[Case]:
    texts = [
        e.text for e in project.training_data.examples[:: max(1, len(project.training_data.examples) // 25)]
    ]
    yield Case("parse examples", "api", [{"parse": text} for text in texts])
    yield Case(
        "parse odd texts",
        "api",
        [
            {"parse": t}
            for t in (
                "",
                " ",
                "no such words",
                f"/{one}",
                f" /{one}@0.25",
                "/no_such_intent",
                f'/{one}{{"no_such": 1}}',
                "1 2.5 a@b.c 5:30",
            )
        ],
    )


def _api_of_requests(one: str) -> Iterator[Case]:
    yield Case(
        "domain and version",
        "api",
        [
            {"call": "GET /domain"},
            {"call": "GET /version"},
            {"call": "GET /"},
            {"call": "GET /webhooks/rest/"},
        ],
    )
    yield Case("wrong requests", "api", [
        {"call": "POST /model/parse", "body": {"message": "x"}}, {"post": "trigger_intent", "body": {"name": "no_such"}}, {"post": "trigger_intent"},
        {"post": "execute", "body": {"name": "no_such"}}, {"post": "execute"}, {"get": "story"}, {"call": "GET /nowhere"}, {"call": "GET /model/parse"},
    ])  # fmt: skip
    yield Case("predict on events", "api", [{"call": "POST /model/predict", "body": [
        {"event": "action", "name": "action_listen"}, {"event": "user", "text": f"/{one}", "parse_data": {"intent": {"name": one, "confidence": 1.0}, "entities": []}},
    ]}, {"call": "POST /model/predict", "body": []}, {"call": "POST /model/predict", "body": [{"event": "nonsense"}]}])  # fmt: skip
