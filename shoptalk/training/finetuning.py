"""Going on from a trained model: what must not have changed, and how many epochs are left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoptalk.errors import ArchiveError, ConfigError, DataError
from shoptalk.formats.project import Project
from shoptalk.model import Model


def labels(project: Project) -> list[str]:
    """Everything NLU learns to tell apart."""
    data = project.training_data
    keys = {e.response_key for e in data.examples if e.response_key}
    return sorted({*data.intents, *keys, *(f"entity {name}" for name in data.entity_names)})


def check(old: Model | None, path: Path, project: Project) -> None:
    """Whether a training can go on from a model.

    Args:
        old: the model, if it could be read.
        path: where it was looked for.
        project: as it is now.

    Raises:
        ArchiveError: there is no model, or one of another version.
        ConfigError: the pipeline changed in more than epochs.
        DataError: intents or entities came or went.
    """
    if old is None:
        raise ArchiveError(
            "There is no model here to go on from.",
            hint="Train without --finetune first, or name a model of this version: --finetune FILE.",
            file=str(path),
        )
    before = (old.metadata.get("config") or {}).get("pipeline") or []
    now = list(project.config.pipeline)
    for place, (a, b) in enumerate(zip(before, now, strict=False)):
        if _without_epochs(a) != _without_epochs(b):
            at = project.config.sources[place]
            raise ConfigError(
                f"{b['name']} is configured otherwise than in {old.path}; only `epochs` may change when fine-tuning.",
                hint="Undo the change, or train without --finetune.",
                file=at.file,
                line=at.line,
            )
    if len(before) != len(now):
        raise ConfigError(
            f"The pipeline has {len(now)} components, {old.path} has {len(before)}.",
            hint="Train without --finetune.",
            file="config.yml",
        )
    known = old.metadata.get("labels")
    changed = sorted(set(known) ^ set(labels(project))) if known is not None else []
    if changed:
        raise DataError(
            f"The model knows other labels than the data: {', '.join(changed[:5])}.",
            hint="Fine-tuning needs the same intents and entities; train without --finetune.",
        )


def shortened(
    configs: Sequence[Mapping[str, Any]], language: str | None, fraction: float
) -> list[dict[str, Any]]:
    """A pipeline whose components that can go on from a model take a share of their epochs, rounded up."""
    from shoptalk.nlu.pipeline import Pipeline

    out: list[dict[str, Any]] = []
    for config, step in zip(configs, Pipeline.build(configs, language).steps, strict=True):
        epochs = config.get("epochs", getattr(step.component, "options", {}).get("epochs"))
        if hasattr(step.component, "warm_start") and isinstance(epochs, int):
            out.append({**config, "epochs": math.ceil(epochs * fraction)})
        else:
            out.append(dict(config))
    return out


def _without_epochs(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "epochs"}
