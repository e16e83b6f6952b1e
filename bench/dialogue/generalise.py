"""How learned policies generalise, beside Rasa's: conversations no story tells, and stories held back.

    python -m bench.dialogue.generalise record --rasa RASA_PYTHON --work WORK NAME=FOLDER …
    python -m bench.dialogue.generalise compare [--json OUT] NAME=FOLDER …

`record` asks Rasa 3.6.21, trained with two seeds, and keeps its answers in `recorded/NAME.json`; `compare` asks
Shoptalk the same, at the same places, and needs no Rasa. FOLDER is a project; its NLU pipeline plays no part.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.dialogue.questions import Message, copies, held_back, questions, without
from shoptalk.core.domain import ACTION_DEFAULT_FALLBACK, ACTION_LISTEN, ACTION_UNLIKELY_INTENT, Domain
from shoptalk.core.events import (
    ActionExecuted,
    ActiveLoop,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
    decode,
)
from shoptalk.core.stories import OrStep, StoryData, UserStep
from shoptalk.core.tracker import Tracker
from shoptalk.dialogue import Dialogue
from shoptalk.dialogue.ensemble import combine
from shoptalk.dialogue.policies.base import Prediction
from shoptalk.formats.project import Project

RECORDED = Path(__file__).parent / "recorded"
SEEDS = (1, 2)
NO_ANSWER = (ACTION_LISTEN, ACTION_DEFAULT_FALLBACK)
TED, UNLIKELY = "TEDPolicy", "UnexpecTEDIntentPolicy"


@dataclass(slots=True)
class Share:
    """How often of how many."""

    hits: int = 0
    of: int = 0

    def add(self, hit: bool) -> None:
        """One more."""
        self.hits += hit
        self.of += 1

    @property
    def percent(self) -> float | None:
        """Rounded; None of nothing."""
        return round(100 * self.hits / self.of, 1) if self.of else None


@dataclass(slots=True)
class Agreement:
    """How one system's answers compare with Rasa's of the first seed.

    Args:
        answers: what is said first after a message is the same.
        known: the same, of messages whose intent a story has; what Rasa says to others is left to chance.
        silent: of these, nothing is said, or only the fallback, where Rasa answers.
        talkative: of these, something is answered where Rasa says nothing or only the fallback.
        actions: every action of the whole policies is the same.
        ted: TED's favourite right after a message is the same.
        unlikely: a message is remarked as unlikely by both or by neither.
    """

    answers: Share = field(default_factory=Share)
    known: Share = field(default_factory=Share)
    silent: Share = field(default_factory=Share)
    talkative: Share = field(default_factory=Share)
    actions: Share = field(default_factory=Share)
    ted: Share = field(default_factory=Share)
    unlikely: Share = field(default_factory=Share)


@dataclass(slots=True)
class HeldOut:
    """Stories that were held back: TED's actions after a message, all of TED's, whole stories by all policies."""

    after_message: Share = field(default_factory=Share)
    actions: Share = field(default_factory=Share)
    stories: Share = field(default_factory=Share)


# ------------------------------------------------------------------------------------------------------ recording


def record(projects: Mapping[str, Path], rasa: str, work: Path) -> None:
    """Let Rasa answer, and keep what it said."""
    asked, kept = [], {}
    for name, origin in projects.items():
        project, folders = copies(origin, work, name, SEEDS)
        wanted = questions(project)
        kept[name] = wanted
        asked.append({
            "name": name, "walks": wanted.walks, "told": wanted.folds,
            "seeds": [str(folders[f"seed{seed}"]) for seed in SEEDS],
            "folds": [str(folders[f"fold{number}"]) for number in range(len(wanted.folds))],
        })  # fmt: skip
    (work / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    side = Path(__file__).with_name("rasa_answers.py")
    with open(work / "rasa.log", "ab") as log:
        subprocess.run(
            [rasa, str(side), str(work / "asked.json"), str(work)], check=True, stdout=log, stderr=log
        )
    RECORDED.mkdir(exist_ok=True)
    for name, wanted in kept.items():
        said = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
        out = {"kinds": wanted.kinds, "said": wanted.walks, "told": wanted.folds, **_packed(said)}
        (RECORDED / f"{name}.json").write_text(
            json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
        )


def _packed(said: Mapping[str, Any]) -> dict[str, Any]:
    """Answers with numbers for names: a tenth of the size."""
    names: dict[str, int] = {}

    def number(name: str | None) -> int:
        return -1 if name is None else names.setdefault(name, len(names))

    def answer(step: Mapping[str, Any]) -> list[Any]:
        ted = step.get("ted") or [None, 0]
        return [number(step["action"]), number(ted[0]), ted[1], step.get("unlikely")]

    def packed(step: Mapping[str, Any]) -> list[Any]:
        more = [int(step.get("hidden", False)), *([step["events"]] if "events" in step else [])]
        return [answer(step), answer(step["others"][0]), *more]

    walks = [[[packed(step) for step in turn] for turn in walk] for walk in said["walks"]]
    folds = [
        [[a and [number(a[0]), number(a[1]), a[2]] for a in story] for story in stories]
        for stories in said["folds"]
    ]
    return {"names": list(names), "walks": walks, "folds": folds, "cpu_s": said["cpu_s"]}


def recorded(name: str) -> dict[str, Any]:
    """What Rasa answered on a project."""
    out: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    names = [*out["names"], None]

    def answer(step: Sequence[Any]) -> dict[str, Any]:
        return {"action": names[step[0]], "ted": [names[step[1]], step[2]], "unlikely": step[3]}

    def unpacked(step: Sequence[Any]) -> dict[str, Any]:
        more = {"others": [answer(step[1])], "hidden": bool(step[2]), "events": step[3:] and step[3]}
        return {**answer(step[0]), **more}

    out["walks"] = [[[unpacked(step) for step in turn] for turn in walk] for walk in out["walks"]]
    out["folds"] = [
        [[a and [names[a[0]], names[a[1]], a[2]] for a in story] for story in stories]
        for stories in out["folds"]
    ]
    return out


# ------------------------------------------------------------------------------------------------------ comparing


class Ours:
    """Trained policies of a project.

    Args:
        project: with its configuration.
        stories: those to learn.
    """

    def __init__(self, project: Project, stories: StoryData) -> None:
        self.domain = project.domain
        steps = [step for story in stories.stories for step in story.steps]
        steps += [s for step in steps if isinstance(step, OrStep) for s in step.alternatives]
        self.told = {step.intent for step in steps if isinstance(step, UserStep)}
        self.dialogue = Dialogue.build(project.config.policies)
        start = time.process_time()
        self.dialogue.train(stories, project.domain)
        self.cpu_s = time.process_time() - start

    def ask(self, tracker: Tracker) -> tuple[Prediction, str, str | None, bool | None]:
        """The winner, its action, TED's favourite, and whether the message is unlikely."""
        made = [p.predict(tracker, self.domain, self.dialogue.rule_only) for p in self.dialogue.policies]
        winner = combine(made, tracker, self.domain)
        ted = next((p for p in made if p.policy == TED and p.confidence > 0), None)
        unlikely = next((p.confidence > 0 for p in made if p.policy == UNLIKELY), None)
        return winner, winner.action(self.domain), ted and ted.action(self.domain), unlikely


def compare_walks(ours: Ours, answered: Mapping[str, Any]) -> dict[str, tuple[Agreement, Agreement]]:
    """For each kind of conversation: how Shoptalk agrees with Rasa, and how Rasa's other seed does."""
    out: dict[str, tuple[Agreement, Agreement]] = {}
    for kind, messages, turns in zip(answered["kinds"], answered["said"], answered["walks"], strict=True):
        mine, other = out.setdefault(kind, (Agreement(), Agreement()))
        for message, (steps, own) in zip(messages, _replayed(ours, messages, turns), strict=True):
            known = message["intent"] in ours.told
            _grade(mine, steps, own, known)
            _grade(other, steps, [_as_own(step["others"][0]) for step in steps], known)
    return out


Own = tuple[str, str | None, bool | None]


def _as_own(step: Mapping[str, Any]) -> Own:
    return step["action"], step["ted"][0], step["unlikely"]


def _replayed(
    ours: Ours, messages: Sequence[Message], turns: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[tuple[Sequence[Mapping[str, Any]], list[Own]]]:
    tracker, domain = Tracker("bench", ours.domain.all_slots), ours.domain
    tracker.apply(ActionExecuted(name=ACTION_LISTEN))
    for message, steps in zip(messages, turns, strict=True):
        tracker.apply(_said(message))
        for name, value in message.get("slots", {}).items():
            tracker.apply(SlotSet(name=name, value=value))
        own: list[Own] = []
        for step in steps:
            _, action, ted, unlikely = ours.ask(tracker)
            if action == ACTION_UNLIKELY_INTENT != step["action"]:
                # Only we find it unlikely: what would be said next is what is compared.
                remarked = tracker.copy()
                remarked.apply(ActionExecuted(name=action))
                action = ours.ask(remarked)[1]
            own.append((action, ted, unlikely))
            _follow(tracker, domain, step)
        yield steps, own


def _said(message: Mapping[str, Any]) -> UserUttered:
    intent = {"name": message["intent"], "confidence": 1.0}
    parse = {"intent": intent, "entities": message.get("entities", [])}
    return UserUttered(text=f"/{message['intent']}", parse_data=parse)


def _follow(tracker: Tracker, domain: Domain, step: Mapping[str, Any]) -> None:
    """Let happen what Rasa decided."""
    for event in step["events"]:
        tracker.apply(decode(event))
    action = step["action"]
    tracker.apply(ActionExecuted(name=action, hide_rule_turn=step["hidden"]))
    if action == ACTION_DEFAULT_FALLBACK:
        tracker.apply(UserUtteranceReverted())
        tracker.apply(ActionExecuted(name=ACTION_LISTEN))
    if action in domain.forms:
        tracker.apply(ActiveLoop(name=None if tracker.active_loop_name == action else action))


def _grade(grades: Agreement, steps: Sequence[Mapping[str, Any]], own: Sequence[Own], known: bool) -> None:
    said = [step["action"] for step in steps]
    place = 1 if said[0] == ACTION_UNLIKELY_INTENT and len(said) > 1 else 0
    answer = own[place][0]
    grades.answers.add(answer == said[place])
    if known:
        grades.known.add(answer == said[place])
        if said[place] in NO_ANSWER:
            grades.talkative.add(answer not in NO_ANSWER)
        else:
            grades.silent.add(answer in NO_ANSWER)
    for step, mine in zip(steps, own, strict=True):
        grades.actions.add(mine[0] == step["action"])
    if steps[0]["ted"][0]:
        grades.ted.add(own[0][1] == steps[0]["ted"][0])
    if steps[0]["unlikely"] is not None and own[0][2] is not None:
        grades.unlikely.add(own[0][2] == steps[0]["unlikely"])


def compare_folds(project: Project, answered: Mapping[str, Any]) -> tuple[HeldOut, HeldOut] | None:
    """Stories held back, told to Shoptalk and to Rasa."""
    if not answered["told"]:
        return None
    mine, rasas = HeldOut(), HeldOut()
    folds = zip(held_back(project), answered["told"], answered["folds"], strict=True)
    for stories, told, rasa_said in folds:
        ours = Ours(project, without(project, stories))
        for events, answers in zip(told, rasa_said, strict=True):
            _judge(mine, events, _predicted(ours, events))
            _judge(rasas, events, answers)
    return mine, rasas


def _predicted(ours: Ours, events: Sequence[Mapping[str, Any]]) -> list[Any]:
    tracker, out = Tracker("bench", ours.domain.all_slots), []
    for wire in events:
        if wire["event"] == "action" and not wire.get("unpredictable"):
            _, action, ted, _ = ours.ask(tracker)
            out.append([action, ted])
        elif wire["event"] == "action":
            out.append(None)
        tracker.apply(_said(wire) if wire["event"] == "user" else decode(wire))
    return out


def _judge(grades: HeldOut, events: Sequence[Mapping[str, Any]], answers: Sequence[Any]) -> None:
    all_right, previous, number = True, None, 0
    for event in events:
        if event["event"] != "action":
            continue
        right, answer = event["name"], answers[number]
        number += 1
        if answer is not None and previous is not None:
            all_right &= answer[0] == right
            grades.actions.add(answer[1] == right)
            if previous == ACTION_LISTEN:
                grades.after_message.add(answer[1] == right)
        previous = right
    grades.stories.add(all_right)


# -------------------------------------------------------------------------------------------------------- telling


def compare(projects: Mapping[str, Path], folds: bool = True) -> dict[str, Any]:
    """All figures of all projects."""
    out: dict[str, Any] = {}
    for name, origin in projects.items():
        answered = recorded(name)
        with tempfile.TemporaryDirectory() as work:
            project, _ = copies(origin, Path(work), name, ())
        ours = Ours(project, project.stories)
        both = compare_walks(ours, answered)
        figures: dict[str, Any] = {"cpu_s": round(ours.cpu_s, 1), "rasa_cpu_s": answered["cpu_s"]}
        for kind, pair in both.items():
            figures[kind] = {
                side: _percent(grades) for side, grades in zip(("ours", "rasa2"), pair, strict=True)
            }
        held = compare_folds(project, answered) if folds else None
        if held:
            figures["held_out"] = {side: _percent(g) for side, g in zip(("ours", "rasa"), held, strict=True)}
        out[name] = figures
        print(table({name: figures}), flush=True)
    return out


def _percent(grades: Agreement | HeldOut) -> dict[str, Any]:
    return {key: [_share(value).percent, value["of"]] for key, value in asdict(grades).items()}


def _share(value: Mapping[str, int]) -> Share:
    return Share(value["hits"], value["of"])


def table(figures: Mapping[str, Any]) -> str:
    """Lines of Markdown."""
    lines = []
    for name, found in figures.items():
        for kind in ("first", "pair", "walk"):
            for side, grades in found.get(kind, {}).items():
                cells = [f"{key} {value[0]}" for key, value in grades.items() if value[0] is not None]
                lines.append(
                    f"{name:20s} {kind:6s} {side:6s} n={grades['answers'][1]:4d}  " + "  ".join(cells)
                )
        for side, grades in found.get("held_out", {}).items():
            cells = [f"{key} {value[0]} of {value[1]}" for key, value in grades.items()]
            lines.append(f"{name:20s} held   {side:6s}         " + "  ".join(cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=["record", "compare"])
    parser.add_argument("projects", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--rasa", help="Python with Rasa 3.6.21")
    parser.add_argument("--work", type=Path, help="folder for copies that Rasa trains")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--no-folds", action="store_true", help="leave out stories held back")
    args = parser.parse_args()
    projects = {name: Path(folder) for name, _, folder in (item.partition("=") for item in args.projects)}
    if args.verb == "record":
        if not args.rasa or not args.work:
            sys.exit("record needs --rasa and --work")
        record(projects, args.rasa, args.work.resolve())
        return
    figures = compare(projects, not args.no_folds)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
