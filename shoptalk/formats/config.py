"""`config.yml`: which components and policies, in which order, with which settings."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from shoptalk.core.training_data import Source
from shoptalk.errors import ConfigError
from shoptalk.formats.yaml import List, Map

KNOWN_KEYS = (
    "version",
    "recipe",
    "language",
    "languages",
    "assistant_id",
    "pipeline",
    "policies",
    "importers",
    "imports",
)

DEFAULT_PIPELINE: tuple[dict[str, Any], ...] = (
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": 100, "constrain_similarities": True},
    {"name": "EntitySynonymMapper"},
    {"name": "ResponseSelector", "epochs": 100, "constrain_similarities": True},
    {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
)
DEFAULT_POLICIES: tuple[dict[str, Any], ...] = (
    {"name": "MemoizationPolicy"},
    {"name": "RulePolicy"},
    {"name": "UnexpecTEDIntentPolicy", "max_history": 5, "epochs": 100},
    {"name": "TEDPolicy", "max_history": 5, "epochs": 100, "constrain_similarities": True},
)
"""What Rasa takes when config.yml names no pipeline or policies; ours are the same."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """What config.yml says.

    Args:
        language: of the assistant; None where not said.
        assistant_id: written into the metadata of every event.
        pipeline, policies: each `{"name": …, settings}`; the defaults where the file says nothing.
        sources: where each entry stands, in the order of pipeline then policies.
    """

    language: str | None = None
    assistant_id: str | None = None
    pipeline: tuple[dict[str, Any], ...] = ()
    policies: tuple[dict[str, Any], ...] = ()
    sources: tuple[Source, ...] = field(default=(), compare=False)
    raw: dict[str, Any] = field(default_factory=dict, compare=False)


def read(content: Map) -> ProjectConfig:
    """The settings of a config file.

    Raises:
        ConfigError: a section is malformed.
    """
    recipe = content.get("recipe", "default.v1")
    if recipe != "default.v1":
        at = content.at("recipe")
        raise ConfigError(
            f"The recipe {recipe!r} is not supported.",
            hint="List components under `pipeline:` and `policies:` with `recipe: default.v1`.",
            file=at.file,
            line=at.line,
        )
    pipeline, at_pipeline = _entries(content, "pipeline", DEFAULT_PIPELINE)
    policies, at_policies = _entries(content, "policies", DEFAULT_POLICIES)
    language = content.get("language")
    identifier = content.get("assistant_id")
    return ProjectConfig(
        language=None if language is None else str(language),
        assistant_id=None if identifier is None else str(identifier),
        pipeline=pipeline,
        policies=policies,
        sources=(*at_pipeline, *at_policies),
        raw=dict(content),
    )


def unknown_keys(content: Map) -> list[tuple[str, Source]]:
    """Keys of a config file that mean nothing, with their places."""
    return [(key, content.at(key)) for key in content if key not in KNOWN_KEYS]


def _entries(
    content: Map, section: str, default: tuple[dict[str, Any], ...]
) -> tuple[tuple[dict[str, Any], ...], list[Source]]:
    items = content.get(section)
    at = content.at(section)
    if items is None:
        return default, [at] * len(default)
    if not isinstance(items, List):
        raise ConfigError(
            f"`{section}:` must be a list.",
            hint=f"Write `{section}:` and `- name: …` below.",
            file=at.file,
            line=at.line,
        )
    out = []
    for index, item in enumerate(items):
        where = items.at(index)
        if isinstance(item, str):
            out.append({"name": _own_name(item)})
        elif isinstance(item, Map) and isinstance(item.get("name"), str):
            named = copy.copy(item)
            named["name"] = _own_name(item["name"])
            out.append(named)
        else:
            raise ConfigError(
                f"An entry of `{section}:` has no name.",
                hint="Write `- name: …`.",
                file=where.file,
                line=where.line,
            )
    return tuple(out), [items.at(i) for i in range(len(items))]


def _own_name(name: str) -> str:
    """The registered name of a class that is named by where Rasa's own code has it."""
    return name.rpartition(".")[2] if name.startswith("rasa.") else name
