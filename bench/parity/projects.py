"""Which projects are compared, and a copy of each that trains in seconds because nothing in it learns."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shoptalk.errors import ShoptalkError
from shoptalk.formats.project import load_project

OWN = Path(__file__).parent / "projects"
PUBLIC = ("rasa_examples", "rasa_test_data")
"""Folders of public projects below the data folder."""

LIGHT_PIPELINE: list[dict[str, Any]] = [
    {"name": "WhitespaceTokenizer"},
    {"name": "KeywordIntentClassifier"},
    {"name": "RegexEntityExtractor"},
    {"name": "EntitySynonymMapper"},
]
FRAIL = "KeywordIntentClassifier"
"""Left out where Rasa's training ends at it: an example is no regular expression, or occurs in two of other intents."""
MOST_KEYWORDS = 1500
"""With more examples it is not looked for; each is compared with each."""


@dataclass(frozen=True, slots=True)
class Bot:
    """A project to compare.

    Args:
        name: unique.
        origin: its folder.
        domain, data: where both systems are told to read, relative to the copy.
        is_known: one of ours or Rasa's own.
    """

    name: str
    origin: Path
    domain: str
    data: str
    is_known: bool = True


def bots(data: Path | None, folders: Sequence[Path] = ()) -> Iterator[Bot]:
    """Our own projects, then the public ones below `data`; with `folders` the projects in these alone."""
    if folders:
        for folder in folders:
            yield dataclasses.replace(_bot(folder.name, folder), is_known=False)
        return
    for folder in sorted(path for path in OWN.iterdir() if path.is_dir()):
        yield _bot(folder.name, folder)
    for part in PUBLIC if data is not None else ():
        parent = data / part if data is not None else Path()
        for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
            if (folder / "config.yml").exists() and (folder / "domain.yml").exists():
                yield _bot(folder.name, folder)


def _bot(name: str, folder: Path) -> Bot:
    domain = "domain.yml" if (folder / "domain.yml").exists() else "domain"
    return Bot(name, folder, domain, "data")


def prepare(bot: Bot, work: Path, actions_port: int) -> Path:
    """Copy a project; what learns leaves its config, and custom actions go to our action server."""
    folder = work / bot.name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bot.origin, folder, ignore=shutil.ignore_patterns("models", ".rasa", "results"))
    if not (folder / "data").exists():
        (folder / "data").mkdir()
        for path in folder.glob("*.yml"):
            if path.stem in ("nlu", "stories", "rules"):
                path.rename(folder / "data" / path.name)
    config = yaml.safe_load((folder / "config.yml").read_text(encoding="utf-8")) or {}
    if bot.origin.parent != OWN:
        config = _light(config, bot, is_keyed=bot.is_known or _is_keyed(folder, bot))
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    (folder / "endpoints.yml").write_text(
        f"action_endpoint:\n  url: http://127.0.0.1:{actions_port}/webhook\n", encoding="utf-8"
    )
    (folder / "credentials.yml").write_text("rest:\n", encoding="utf-8")
    return folder


def _is_keyed(folder: Path, bot: Bot) -> bool:
    """Whether Rasa's KeywordIntentClassifier can be trained on the examples."""
    try:
        project = load_project(folder, domain=folder / bot.domain, data=[folder / bot.data])
        intents = {example.text: example.intent for example in project.training_data.examples}
        patterns = [(re.compile(rf"\b{text}\b", re.I), intent) for text, intent in intents.items()]
    except (ShoptalkError, re.error):
        return False
    return len(intents) <= MOST_KEYWORDS and all(
        sum(intent != other and bool(pattern.search(text)) for text, other in intents.items()) < 2
        for pattern, intent in patterns
    )


def _light(config: dict[str, Any], bot: Bot, *, is_keyed: bool) -> dict[str, Any]:
    pipeline = [dict(item) for item in LIGHT_PIPELINE if is_keyed or item["name"] != FRAIL]
    if bot.is_known:
        pipeline += [p for p in config.get("pipeline") or [] if p.get("name") == "FallbackClassifier"]
    kept = [
        p
        for p in config.get("policies") or []
        if p.get("name", "").endswith(("MemoizationPolicy", "RulePolicy"))
    ]
    names = {p["name"] for p in kept}
    if not any("Memoization" in name for name in names):
        kept.append({"name": "MemoizationPolicy"})
    if "RulePolicy" not in names:
        kept.append({"name": "RulePolicy"})
    return {
        "recipe": "default.v1",
        "assistant_id": f"parity-{bot.name}",
        "language": (config.get("language") if bot.is_known else None) or "en",
        "pipeline": pipeline,
        "policies": kept,
    }
