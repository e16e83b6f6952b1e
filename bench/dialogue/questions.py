"""What learned policies are asked: conversations no story tells, and stories that were held back from training."""

from __future__ import annotations

import itertools
import random
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from shoptalk.core.events import ActionExecuted, Event, SlotSet, UserUttered
from shoptalk.core.stories import CheckpointStep, Story, StoryData
from shoptalk.dialogue.training_trackers import TrainingTracker, training_trackers
from shoptalk.formats.config import DEFAULT_POLICIES
from shoptalk.formats.project import Project, load_project

LIGHT_PIPELINE = [{"name": "WhitespaceTokenizer"}, {"name": "KeywordIntentClassifier"}]
LEARNED = ("TEDPolicy", "UnexpecTEDIntentPolicy")
NOT_ASKED = {"back", "restart", "session_start"}
MOST_PAIRS = 100
WALKS = 30
FOLDS = 5

Message = dict[str, Any]
"""What a user says: the name of an `intent`, `entities`, and the `slots` it fills."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2: `yes` is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [item for item in found if item[0] != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Questions:
    """All that one project is asked.

    Args:
        kinds, walks: what is said, message by message, and why it is asked (first, pair or walk).
        folds: for each fold the stories held back: their events in wire form.
    """

    kinds: tuple[str, ...]
    walks: tuple[tuple[Message, ...], ...]
    folds: tuple[tuple[list[dict[str, Any]], ...], ...]


def questions(project: Project, seed: int = 7) -> Questions:
    """First messages, pairs of messages and random walks; folds of stories when there are enough of them."""
    rand = random.Random(seed)
    ways = _ways_to_say(project)
    intents = sorted(name for name in project.domain.intent_names if name not in NOT_ASKED)

    def said(*names: str) -> tuple[Message, ...]:
        return tuple(rand.choice(ways.get(name) or [{"intent": name}]) for name in names)

    pairs = list(itertools.product(intents, repeat=2))
    rand.shuffle(pairs)
    walks = [("first", said(name)) for name in intents]
    walks += [("pair", said(*pair)) for pair in pairs[:MOST_PAIRS]]
    walks += [("walk", said(*rand.choices(intents, k=rand.randint(3, 6)))) for _ in range(WALKS)]
    folds = tuple(tuple(_told(project, names)) for names in held_back(project))
    return Questions(tuple(kind for kind, _ in walks), tuple(walk for _, walk in walks), folds)


def held_back(project: Project, seed: int = 7) -> list[list[Story]]:
    """Stories of each fold; those that hang on others by a checkpoint are never held back."""
    free = [s for s in project.stories.stories if not any(isinstance(p, CheckpointStep) for p in s.steps)]
    if len(free) < 2 * FOLDS:
        return []
    free = random.Random(seed).sample(free, len(free))
    return [free[start::FOLDS] for start in range(FOLDS)]


def without(project: Project, stories: Iterable[Story]) -> StoryData:
    """The project's stories and rules, some stories left out."""
    left_out = {story.source for story in stories}
    return replace(
        project.stories, stories=tuple(s for s in project.stories.stories if s.source not in left_out)
    )


def copies(origin: Path, work: Path, name: str, seeds: Sequence[int]) -> tuple[Project, dict[str, Path]]:
    """The project, and folders Rasa trains: one for each seed, one for each fold.

    The NLU pipeline learns nothing; a learned policy that is configured for one epoch gets a hundred.
    """
    project = load_project(origin, config=_config(origin, work / f"{name}-config.yml", None))
    folders = {f"seed{seed}": _copy(origin, work / f"{name}-seed{seed}", seed, set()) for seed in seeds}
    for number, stories in enumerate(held_back(project) if seeds else ()):
        names = {story.name for story in stories}
        folders[f"fold{number}"] = _copy(origin, work / f"{name}-fold{number}", seeds[0], names)
    return project, folders


def _copy(origin: Path, folder: Path, seed: int, left_out: set[str]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in ("data", "domain", "domain.yml"):
        if (origin / part).is_dir():
            shutil.copytree(origin / part, folder / part)
        elif (origin / part).exists():
            shutil.copy(origin / part, folder / part)
    _config(origin, folder / "config.yml", seed)
    seen: set[str] = set()
    for path in sorted((folder / "data").rglob("*.yml")):
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
        if "nlu" in content:
            intents = {item["intent"]: None for item in content["nlu"] if "intent" in item}
            content["nlu"] = [_one_example(name) for name in intents if name not in seen]
            seen.update(intents)
        if "stories" in content:
            content["stories"] = [s for s in content["stories"] if s["story"] not in left_out]
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder


def _one_example(intent: str) -> dict[str, str]:
    return {"intent": intent, "examples": f"- {re.sub('[^a-z]+', '', intent)}\n"}


def _config(origin: Path, to: Path, seed: int | None) -> Path:
    config = yaml.safe_load((origin / "config.yml").read_text(encoding="utf-8"))
    policies = [dict(policy) for policy in config.get("policies") or DEFAULT_POLICIES]
    for policy in policies:
        if policy["name"] in LEARNED:
            policy.update({} if seed is None else {"random_seed": seed})
            policy.update({"epochs": 100} if policy.get("epochs", 1) == 1 else {})
        policy.pop("enable_fallback_prediction", None) if policy["name"] == "TEDPolicy" else None
    kept = {"recipe": "default.v1", "assistant_id": "bench", "language": "en"}
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(
        yaml.safe_dump({**kept, "pipeline": LIGHT_PIPELINE, "policies": policies}), encoding="utf-8"
    )
    return to


def _ways_to_say(project: Project) -> dict[str, list[Message]]:
    """How stories say each intent: with which entities and slots."""
    found: dict[str, list[Message]] = {}
    for conversation in training_trackers(project.stories, project.domain, augmentation=0):
        for message in _messages(conversation.events):
            known = found.setdefault(message["intent"], [])
            if message not in known:
                known.append(message)
    return found


def _messages(events: Sequence[Event]) -> list[Message]:
    out: list[Message] = []
    open_for_slots = False
    for event in events:
        if isinstance(event, UserUttered):
            entities = _plain(event.entities)
            out.append({"intent": event.intent_name, "entities": entities, "slots": {}})
            open_for_slots = True
        elif isinstance(event, ActionExecuted):
            open_for_slots = False
        elif isinstance(event, SlotSet) and open_for_slots and event.name != "requested_slot":
            out[-1]["slots"][event.name] = event.value
    return [{key: value for key, value in message.items() if value} for message in out if message["intent"]]


def _told(project: Project, stories: Sequence[Story]) -> list[list[dict[str, Any]]]:
    data = replace(project.stories, stories=tuple(stories), rules=())
    return [_wire(tracker) for tracker in training_trackers(data, project.domain, augmentation=0)]


def _wire(conversation: TrainingTracker) -> list[dict[str, Any]]:
    decisions = iter(conversation.decisions)
    out: list[dict[str, Any]] = []
    for event in conversation.events:
        wire: dict[str, Any]
        if isinstance(event, UserUttered):
            wire = {"event": "user", "intent": event.intent_name, "entities": _plain(event.entities)}
        elif isinstance(event, ActionExecuted):
            wire = {"event": "action", "name": event.name, "unpredictable": not next(decisions).predictable}
        else:
            wire = {k: v for k, v in event.as_dict().items() if k not in ("timestamp", "metadata")}
        out.append({key: value for key, value in wire.items() if value or key in ("name", "value")})
    return out


def _plain(entities: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{key: e[key] for key in ("entity", "value", "role", "group") if key in e} for e in entities]
