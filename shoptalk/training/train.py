"""One training run, start to end: read, check, train what changed, write."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import shoptalk
from shoptalk import archive, model
from shoptalk.archive import Saved
from shoptalk.core.domain import Domain
from shoptalk.core.stories import Rule, Story, StoryData, UserStep
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ArchiveError, DataError
from shoptalk.formats.project import Project, load_project
from shoptalk.formats.split import choose
from shoptalk.formats.validate import Finding, check
from shoptalk.model import Model, fingerprint
from shoptalk.training import finetuning
from shoptalk.training.code import code_of, code_of_users

FILE_KEYS = ("dictionary_path", "examples")
"""Keys of components that name files or folders of the project."""

Progress = Callable[[str, str, int, int], None]
"""Called as (stage, what, step, of how many)."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train.

    Args:
        config, domain, data: where to read, when not at the usual places.
        out: folder for models.
        fixed_name: file name without `.tar.gz`; made of time and two words when absent.
        force: train what did not change, too.
        augmentation: how much stories are glued to each other.
        nlu, dialogue: which parts to train.
        skip_validation: do not check the project first.
        fail_on_warnings: warnings of that check stop the training.
        dry_run: say what would be trained, and stop.
        finetune: the model to go on from; weights of components that can are taken from it.
        epoch_fraction: share of the epochs of those components when fine-tuning.
        leave_out: share of the stories that is not learnt from, for comparisons.
        seed: of the choice of these stories.
    """

    config: Path | None = None
    domain: Path | None = None
    data: Sequence[Path] | None = None
    out: Path = Path("models")
    fixed_name: str | None = None
    force: bool = False
    augmentation: int = 50
    nlu: bool = True
    dialogue: bool = True
    skip_validation: bool = False
    fail_on_warnings: bool = False
    dry_run: bool = False
    finetune: Path | None = None
    epoch_fraction: float = 1.0
    leave_out: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a training run did.

    Args:
        path: the model; an old one when nothing changed; None after a dry run.
        trained: which of "nlu" and "dialogue" were trained.
        findings: what the check of the project found.
        report: figures by component and policy.
        seconds: wall and CPU time.
    """

    path: Path | None
    trained: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def train(root: Path | str = ".", options: Options = Options(), progress: Progress | None = None) -> Result:
    """Train a project.

    Raises:
        ConfigError, DataError: the project is wrong; with file and line.
        ComponentError: a component or policy cannot be trained on it.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    # PyTorch keeps prepared kernels for every shape it has seen, and a batch of texts is a new shape nearly each time.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    root = Path(root)
    tell = progress or (lambda stage, what, step, of: None)
    tell("read", str(root), 0, 1)
    project = load_project(root, config=options.config, domain=options.domain, data=options.data)
    if options.leave_out:
        project = replace(project, stories=_thinned(project.stories, options.leave_out, options.seed))
    everything = tuple(check(project))
    findings = everything if not options.skip_validation else ()
    _stop_on(findings, options.fail_on_warnings)
    wanted = _wanted(project, options)
    if "dialogue" in wanted:
        _stop_on_unknown_slots(everything)
        # What is wrong with a policy is said before minutes are spent on the pipeline.
        _dialogue(project)
    prints = fingerprints(project)
    out = root / options.out
    old = _previous(out, options)
    if options.finetune is not None:
        finetuning.check(old, options.finetune, project)
    anew = options.force or options.finetune is not None
    stale = tuple(part for part in wanted if anew or prints[part] != _old_print(old, part))
    same_rest = old is not None and old.metadata["fingerprints"].get("domain") == prints["domain"]
    if options.dry_run or (not stale and same_rest and old is not None and set(wanted) == _parts_of(old)):
        return Result(old.path if old and not options.dry_run else None, stale, findings)
    parts, report = _train_parts(project, options, wanted, stale, old, tell)
    made = _model(project, wanted, prints, parts, report)
    path = out / (options.fixed_name or _name(wanted))
    path = path if path.name.endswith(".tar.gz") else path.with_name(path.name + ".tar.gz")
    tell("write", path.name, 0, 1)
    model.save(made, path)
    archive.read(path)
    seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return Result(path, stale, findings, report, seconds)


def _files_named(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Digests of the files that components are told to read: a changed dictionary is a change."""
    paths = [Path(entry[key]) for entry in entries for key in FILE_KEYS if isinstance(entry.get(key), str)]
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files if file.is_file()]


def fingerprints(project: Project) -> dict[str, str]:
    """A name for all that each part of a model depends on; what did not change is not trained again."""
    config, domain = project.config, project.domain
    pruned = {
        key: value
        for key, value in domain.raw.items()
        if key not in ("responses", "session_config", "version")
    }
    pruned["responses"] = sorted(domain.responses)
    own = code_of_users(entry["name"] for entry in (*config.pipeline, *config.policies))
    nlu_code = [code_of("nlu", "networks", "encoders"), own, _files_named(config.pipeline)]
    nlu = fingerprint(nlu_code, config.language, config.pipeline, _nlu_data(project))
    return {
        "nlu": nlu,
        "dialogue": fingerprint(
            [code_of("dialogue", "networks"), own],
            config.policies,
            project.stories,
            pruned,
            nlu if _tells_texts(project) else None,
        ),
        "domain": fingerprint(domain.raw, config.assistant_id),
    }


def _tells_texts(project: Project) -> bool:
    """Whether stories are told end to end, so that policies learn from the pipeline's features."""
    snippets: list[Story | Rule] = [*project.stories.stories, *project.stories.rules]
    said = (step for snippet in snippets for step in snippet.steps if isinstance(step, UserStep))
    return bool(project.domain.e2e_actions) or any(step.intent is None and step.text for step in said)


def _nlu_data(project: Project) -> TrainingData:
    """The NLU data with every retrieval response the domain has."""
    names = tuple(f"utter_{name}/" for name in project.domain.retrieval_intents)
    responses = {k: v for k, v in project.domain.responses.items() if names and k.startswith(names)}
    return replace(project.training_data, responses=responses)


def _stop_on(findings: Sequence[Finding], warnings_too: bool) -> None:
    levels = ("error", "warning") if warnings_too else ("error",)
    wrong = [finding for finding in findings if finding.level in levels]
    if wrong:
        more = f" ({len(wrong) - 1} more: `shoptalk data validate`)" if len(wrong) > 1 else ""
        first = wrong[0]
        raise DataError(first.message, hint=first.hint + more, file=first.source.file, line=first.source.line)


def _thinned(stories: StoryData, share: float, seed: int) -> StoryData:
    """Stories without a share of them; rules stay."""
    kept = choose(len(stories.stories), 1 - share, seed)
    return replace(stories, stories=tuple(s for place, s in enumerate(stories.stories) if place in kept))


def _stop_on_unknown_slots(findings: Sequence[Finding]) -> None:
    """Stories cannot be learnt with slots that the domain lacks, however little the check minds them."""
    for finding in findings:
        if finding.code == "unknown_slot":
            at = finding.source
            message = finding.message.removesuffix("; training will refuse it.")
            raise DataError(f"{message.rstrip('.')}.", hint=finding.hint, file=at.file, line=at.line)


def _wanted(project: Project, options: Options) -> tuple[str, ...]:
    has_nlu = bool(project.training_data.examples)
    has_stories = bool(project.stories.stories or project.stories.rules)
    wanted = []
    if options.nlu and has_nlu:
        wanted.append("nlu")
    if options.dialogue and has_stories:
        wanted.append("dialogue")
    if not wanted:
        raise DataError(
            "There is no training data: neither examples nor stories nor rules.",
            hint="Put them below data/, or name files with --data.",
        )
    return tuple(wanted)


def _previous(out: Path, options: Options) -> Model | None:
    """The newest model of the folder, if one of this version is there."""
    wanted = options.finetune or out
    newest = archive.latest(wanted)
    if newest is None:
        return None
    try:
        content = archive.read(newest)
        if content.metadata.get("shoptalk_version") != shoptalk.__version__:
            return None
        return Model(Domain(), None, None, {**content.metadata, "parts": content.parts}, newest)
    except (ArchiveError, KeyError):
        return None


def _old_print(old: Model | None, part: str) -> str | None:
    return None if old is None else old.metadata["fingerprints"].get(part)


def _parts_of(old: Model) -> set[str]:
    return {part for part in ("nlu", "dialogue") if old.metadata.get(f"has_{part}")}


def _old_saved(old: Model | None, part: str) -> dict[str, Saved]:
    if old is None:
        return {}
    return {
        k.removeprefix(f"{part}/"): v for k, v in old.metadata["parts"].items() if k.startswith(f"{part}/")
    }


class _Kept:
    """A part of an old model that did not change."""

    def __init__(self, saved: dict[str, Saved]) -> None:
        self.saved = saved

    def save(self) -> dict[str, Saved]:
        return self.saved


def _train_parts(
    project: Project,
    options: Options,
    wanted: Sequence[str],
    stale: Sequence[str],
    old: Model | None,
    tell: Progress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    parts: dict[str, Any] = {}
    report: dict[str, Any] = {}
    for part in wanted:
        if part not in stale:
            parts[part] = _Kept(_old_saved(old, part))
            report[part] = dict((old.metadata.get("report") or {}).get(part) or {}) if old else {}
        elif part == "nlu":
            parts[part], report[part] = _train_nlu(project, old, options, tell)
        else:
            parts[part], report[part] = _train_dialogue(project, options, parts.get("nlu"), tell)
    return parts, report


def _train_nlu(
    project: Project, old: Model | None, options: Options, tell: Progress
) -> tuple[Any, dict[str, Any]]:
    from shoptalk.nlu.pipeline import Pipeline

    configs: Sequence[Mapping[str, Any]] = project.config.pipeline
    if options.finetune is not None:
        configs = finetuning.shortened(configs, project.config.language, options.epoch_fraction)
    pipeline = Pipeline.build(configs, project.config.language)
    same = options.finetune is not None or (
        old is not None
        and (old.metadata.get("config") or {}).get("pipeline") == list(project.config.pipeline)
    )
    previous = _old_saved(old, "nlu") if same and not options.force else None
    report = pipeline.train(_nlu_data(project), lambda name, step, of: tell("nlu", name, step, of), previous)
    return pipeline, report


def _dialogue(project: Project) -> Any:
    from shoptalk.dialogue.engine import Dialogue

    return Dialogue.build(project.config.policies)


def _train_dialogue(
    project: Project, options: Options, nlu: Any, tell: Progress
) -> tuple[Any, dict[str, Any]]:
    dialogue = _dialogue(project)
    report = dialogue.train(
        project.stories,
        project.domain,
        featurize_text=_featurizer(project, nlu),
        augmentation=options.augmentation,
        progress=lambda name, step, of: tell("dialogue", name, step, of),
    )
    return dialogue, dict(report or {})


def _featurizer(project: Project, nlu: Any) -> Callable[[list[str]], Any] | None:
    """How stories' texts become vectors: by the pipeline, opened only when it is wanted."""
    if nlu is None or not isinstance(nlu, _Kept):
        return getattr(nlu, "featurize", None)

    def featurize(texts: list[str]) -> Any:
        from shoptalk.nlu.pipeline import Pipeline

        return Pipeline.load(project.config.pipeline, nlu.saved, project.config.language).featurize(texts)

    return featurize


def _model(
    project: Project,
    wanted: Sequence[str],
    prints: dict[str, str],
    parts: dict[str, Any],
    report: dict[str, Any],
) -> Model:
    config = project.config
    metadata = {
        "shoptalk_version": shoptalk.__version__,
        "model_id": fingerprint({part: prints[part] for part in (*wanted, "domain")}),
        "assistant_id": config.assistant_id,
        "language": config.language,
        "has_nlu": "nlu" in wanted,
        "has_dialogue": "dialogue" in wanted,
        "fingerprints": {part: prints[part] for part in (*wanted, "domain")},
        "config": {"pipeline": list(config.pipeline), "policies": list(config.policies)},
        "report": _without_times(report),
        "labels": finetuning.labels(project),
    }
    return Model(project.domain, parts.get("nlu"), parts.get("dialogue"), metadata)


def _without_times(value: Any) -> Any:
    """A report without seconds, so that the same training gives the same archive."""
    if isinstance(value, Mapping):
        return {k: _without_times(v) for k, v in value.items() if not str(k).endswith(("_s", "_ms"))}
    return value


_ADJECTIVES = [
    "amber",
    "brisk",
    "calm",
    "deft",
    "eager",
    "fond",
    "glad",
    "hazel",
    "ivory",
    "jolly",
    "keen",
    "lucid",
    "mellow",
    "noble",
    "open",
    "plain",
    "quiet",
]
_NOUNS = [
    "anchor",
    "basket",
    "candle",
    "dyer",
    "easel",
    "ferry",
    "gable",
    "heron",
    "inlet",
    "kiln",
    "lantern",
    "mill",
    "needle",
    "oar",
    "parcel",
    "quay",
    "shuttle",
]


def _name(wanted: Sequence[str]) -> str:
    prefix = "" if len(wanted) == 2 else "nlu-" if wanted[0] == "nlu" else "core-"
    chance = random.Random(os.urandom(8))
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return f"{prefix}{stamp}-{chance.choice(_ADJECTIVES)}-{chance.choice(_NOUNS)}.tar.gz"
