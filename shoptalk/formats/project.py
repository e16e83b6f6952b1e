"""A project's folder: which files play which part, read into one `Project`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shoptalk.core.domain import Domain
from shoptalk.core.stories import ActionStep, OrStep, Rule, Story, StoryData, UserStep
from shoptalk.core.training_data import NOWHERE, Example, Source, TrainingData
from shoptalk.errors import DataError
from shoptalk.formats import config as config_format
from shoptalk.formats import domain as domain_format
from shoptalk.formats import nlu as nlu_format
from shoptalk.formats import rasa_json
from shoptalk.formats import stories as stories_format
from shoptalk.formats.config import ProjectConfig
from shoptalk.formats.yaml import Map, read_file

TEST_PREFIX = "test_"
YAML_SUFFIXES = (".yml", ".yaml")
FORMAT_VERSION = (3, 1)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something odd but not wrong in a project file."""

    message: str
    source: Source = NOWHERE

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source.file else self.message


@dataclass(frozen=True, slots=True)
class Project:
    """Everything a project's files say.

    Args:
        root: the folder; files are named relative to it.
        domain: with what training data adds to it (retrieval intents, responses, bot texts).
        training_data, stories: what is learnt; test stories among it, as Rasa has it.
        test_stories: stories of files called `test_*.yml`.
        notices: what is odd but not wrong.
    """

    root: Path
    config: ProjectConfig
    domain: Domain
    training_data: TrainingData
    stories: StoryData
    test_stories: StoryData
    notices: tuple[Notice, ...] = ()


def load_project(
    root: Path,
    *,
    config: Path | None = None,
    domain: Path | Sequence[Path] | None = None,
    data: Sequence[Path] | None = None,
) -> Project:
    """Read a project.

    Args:
        root: its folder.
        config: the configuration (default: `config.yml`).
        domain: file(s) or folder (default: `domain.yml`, or the folder `domain`).
        data: files and folders of training data (default: `data`).

    Raises:
        ConfigError, DataError: a file is missing or malformed.
    """
    notices: list[Notice] = []

    def warn(message: str, source: Source) -> None:
        notices.append(Notice(message, source))

    reader = _Reader(root, warn)
    settings = reader.config(config or root / "config.yml")
    wanted = [domain] if isinstance(domain, Path) else list(domain or [_default_domain(root)])
    base = reader.domain(wanted)
    written, stories, tests = reader.data(list(data) if data is not None else [root / "data"])
    training = replace(written, examples=(*written.examples, *_told(stories, written.examples)))
    snippets: list[Story | Rule] = [*stories.stories, *stories.rules]
    texts = [
        step.text
        for snippet in snippets
        for step in snippet.steps
        if isinstance(step, ActionStep) and step.text
    ]
    known = base.retrieval_intents
    full = domain_format.with_project_data(
        base, training.retrieval_intents | set(known), training.responses, texts
    )
    return Project(root, settings, full, training, stories, tests, tuple(notices))


def _told(stories: StoryData, known: Sequence[Example]) -> list[Example]:
    """Texts that stories give together with their intents, but for those that are known: NLU learns them, too."""
    seen = {(example.text, example.intent, example.entities) for example in known}
    out: list[Example] = []
    snippets: list[Story | Rule] = [*stories.stories, *stories.rules]
    for snippet in snippets:
        inside = (s for step in snippet.steps if isinstance(step, OrStep) for s in step.alternatives)
        for step in (*snippet.steps, *inside):
            if isinstance(step, UserStep) and step.text and step.intent:
                key = (step.text, step.intent, step.spans)
                if key not in seen:
                    out.append(Example(step.text, step.intent, entities=step.spans, source=step.source))
                seen.add(key)
    return sorted(out, key=lambda example: example.intent or "")


def yaml_files(paths: Sequence[Path], suffixes: Sequence[str] = YAML_SUFFIXES) -> list[Path]:
    """Every YAML file of the given files and folders, sorted by absolute path."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {p for p in path.rglob("*") if p.suffix in suffixes and p.is_file()}
        elif path.is_file():
            found.add(path)
    return sorted(found, key=lambda p: str(p.absolute()))


def load_stories(paths: Sequence[Path], warn: Callable[[str, Source], None], *, root: Path) -> StoryData:
    """Stories of the given files and folders as test stories, whatever their names."""
    reader = _Reader(root, warn)
    parts = [reader.content(path) for path in yaml_files(paths)]
    return _join([stories_format.read(c, warn, is_test=True) for c in parts if isinstance(c, Map)])


def load_training_data(
    paths: Sequence[Path], warn: Callable[[str, Source], None], *, root: Path
) -> TrainingData:
    """NLU data of the given files and folders."""
    return _Reader(root, warn).data(list(paths))[0]


def _default_domain(root: Path) -> Path:
    return (
        root / "domain"
        if not (root / "domain.yml").exists() and (root / "domain").is_dir()
        else root / "domain.yml"
    )


def _join(parts: Sequence[StoryData]) -> StoryData:
    return StoryData(
        stories=tuple(story for part in parts for story in part.stories),
        rules=tuple(rule for part in parts for rule in part.rules),
    )


class _Reader:
    """Reads files of one project, naming them relative to its root."""

    def __init__(self, root: Path, warn: Callable[[str, Source], None]) -> None:
        self.root, self.warn = root, warn

    def content(self, path: Path, *, environment: bool = False) -> Any:
        """A file's content; an empty mapping when it is written for a later version of the format."""
        shown = self.shown(path)
        content = read_file(path, environment=environment, shown_as=shown)
        if isinstance(content, Map) and "version" in content and not self._readable(content):
            return Map(shown, 1)
        return content

    def shown(self, path: Path) -> str:
        """How a file is named to people."""
        try:
            return str(path.absolute().relative_to(self.root.absolute()))
        except ValueError:
            return str(path)

    def _readable(self, content: Map) -> bool:
        version, at = content["version"], content.at("version")
        parts = _version(version)
        if parts is None:
            self.warn(f'The version {version!r} is not understood; "3.1" is assumed. Put it in quotes.', at)
            return True
        if parts > FORMAT_VERSION:
            self.warn(
                f"The file is written for format {version}; this version reads up to 3.1. It is left out.", at
            )
            return False
        if parts < FORMAT_VERSION:
            self.warn(f'The file is written for format {version}; read as "3.1".', at)
        return True

    def config(self, path: Path) -> ProjectConfig:
        content = read_file(path, environment=True, shown_as=self.shown(path))
        if not isinstance(content, Map):
            raise DataError("A configuration must be a mapping.", file=self.shown(path), line=1)
        for key, at in config_format.unknown_keys(content):
            self.warn(f"The key {key!r} means nothing in a configuration; it is ignored.", at)
        for key in ("importers", "imports"):
            if key in content:
                self.warn(f"`{key}:` is not supported; all files below data/ are read.", content.at(key))
        return config_format.read(content)

    def domain(self, paths: Sequence[Path]) -> Domain:
        missing = next((path for path in paths if not path.exists()), None)
        if missing is not None:
            raise DataError(
                "There is no domain.",
                hint="Say `--domain FILE`, or run in a project's folder.",
                file=self.shown(missing),
            )
        contents = [(path, self.content(path, environment=True)) for path in yaml_files(paths)]
        parts = [c for path, c in contents if domain_format.is_domain(c) or path in paths]
        for part in parts:
            if not isinstance(part, Map):
                raise DataError("A domain must be a mapping.", file=self.shown(paths[0]), line=1)
        return domain_format.read(domain_format.merge(parts, self.warn), self.warn)

    def data(self, paths: Sequence[Path]) -> tuple[TrainingData, StoryData, StoryData]:
        nlu: list[TrainingData] = []
        stories: list[StoryData] = []
        tests: list[StoryData] = []
        for path in yaml_files(paths, (*YAML_SUFFIXES, ".json")):
            if path.suffix == ".json":
                part = rasa_json.read_file(path, self.shown(path), must_be=path in paths)
                nlu += [part] if part is not None else []
                continue
            content = self.content(path)
            if not isinstance(content, Map):
                raise DataError("A training data file must be a mapping.", file=self.shown(path), line=1)
            if "nlu" in content or ("responses" in content and not is_misplaced_domain(content)):
                part = nlu_format.read(content, self.warn)
                domain_format.read_responses(content.get("responses"), content.at("responses"))
                nlu.append(part)
            if "stories" in content or "rules" in content:
                if path.name.startswith(TEST_PREFIX):
                    at = content.at("stories" if "stories" in content else "rules")
                    self.warn(
                        "Test stories among the training data are learnt, too; keep them in tests/.", at
                    )
                    tests.append(stories_format.read(content, self.warn, is_test=True))
                stories.append(stories_format.read(content, self.warn, is_test=False))
        return TrainingData().merge(nlu), _join(stories), _join(tests)


def _version(written: Any) -> tuple[int, ...] | None:
    if not isinstance(written, str) or not all(part.isdecimal() for part in written.split(".")):
        return None
    return tuple(int(part) for part in written.split("."))


def is_misplaced_domain(content: Map) -> bool:
    """Whether a file with `responses:` is a domain file that merely lies in the data folder."""
    return any(
        key in content for key in ("intents", "slots", "actions", "forms", "entities", "session_config")
    )
