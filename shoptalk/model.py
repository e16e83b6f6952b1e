"""A trained model in memory, and its way into and out of an archive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoptalk import archive
from shoptalk.archive import Archive, Saved
from shoptalk.core.domain import Domain
from shoptalk.errors import ArchiveError
from shoptalk.formats import domain as domain_format

if TYPE_CHECKING:
    from shoptalk.dialogue.engine import Dialogue
    from shoptalk.nlu.pipeline import Pipeline

NLU, DIALOGUE = "nlu", "dialogue"


@dataclass(frozen=True, slots=True)
class Model:
    """What `shoptalk train` makes.

    Args:
        domain: what the assistant knows.
        pipeline: text to parse result; None in a model of dialogue alone.
        dialogue: tracker to next action; None in a model of NLU alone.
        metadata: config, language, assistant id, fingerprints, figures of the training.
        path: the archive it came from.
    """

    domain: Domain
    pipeline: Pipeline | None
    dialogue: Dialogue | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def model_id(self) -> str:
        """Names the model by what it was trained on."""
        return str(self.metadata.get("model_id", ""))

    @property
    def assistant_id(self) -> str | None:
        """The project's own name for the assistant."""
        return self.metadata.get("assistant_id")


def save(model: Model, path: Path) -> None:
    """Write a model; the same model gives the same bytes."""
    parts: dict[str, Saved] = {}
    for prefix, trained in ((NLU, model.pipeline), (DIALOGUE, model.dialogue)):
        for name, saved in (trained.save() if trained is not None else {}).items():
            parts[f"{prefix}/{name}"] = saved
    metadata = {**model.metadata, "domain": dict(model.domain.raw)}
    archive.write(path, Archive(metadata, parts))


def load(path: Path) -> Model:
    """Open a model: a file, or the newest one in a folder.

    Raises:
        ArchiveError: there is none, it is damaged, or components keep other things by now.
    """
    found = archive.latest(path)
    if found is None:
        raise ArchiveError("There is no model here.", hint="Run `shoptalk train`.", file=str(path))
    content = archive.read(found)
    try:
        return _restored(content, found)
    except ArchiveError as error:
        raise ArchiveError(error.message, hint=error.hint, file=str(found)) from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArchiveError(
            f"The model does not fit this version of Shoptalk ({type(error).__name__}: {error}).",
            hint=archive.TRAIN_AGAIN,
            file=str(found),
        ) from error


def _restored(content: Archive, found: Path) -> Model:
    meta, parts = content.metadata, content.parts
    domain = domain_format.from_raw(meta["domain"])
    pipeline, dialogue = None, None
    if meta.get("has_nlu"):
        from shoptalk.nlu.pipeline import Pipeline

        pipeline = Pipeline.load(meta["config"]["pipeline"], _below(parts, NLU), meta.get("language"))
    if meta.get("has_dialogue"):
        from shoptalk.dialogue.engine import Dialogue

        featurize = pipeline.featurize if pipeline is not None else None
        dialogue = Dialogue.load(
            meta["config"]["policies"], _below(parts, DIALOGUE), domain, featurize_text=featurize
        )
    if pipeline is not None and dialogue is not None:
        pipeline.domain_intents = domain.intent_names
        pipeline.domain_entities = frozenset(domain.entities)
    return Model(domain, pipeline, dialogue, meta, found)


def _below(parts: Mapping[str, Saved], prefix: str) -> dict[str, Saved]:
    return {
        name.removeprefix(f"{prefix}/"): saved
        for name, saved in parts.items()
        if name.startswith(f"{prefix}/")
    }


def fingerprint(*values: Any) -> str:
    """A short name for values: equal values, equal names."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        kept = [name for name, spec in value.__dataclass_fields__.items() if spec.compare]
        return [type(value).__name__, {name: getattr(value, name) for name in kept}]
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)
