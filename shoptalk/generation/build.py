"""The generator that `generation:` of endpoints.yml describes. Building it is cheap: nothing is loaded before it is asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from shoptalk import registry
from shoptalk.errors import ConfigError, GenerationError
from shoptalk.generation.base import LanguageModel, Limits
from shoptalk.generation.generator import GuardedGenerator
from shoptalk.generation.storage import default_model, find_file, model_path
from shoptalk.settings import did_you_mean

logger = logging.getLogger(__name__)

COMMON = ("type", "max_tokens", "timeout")
KEYS = {
    "local": ("model", "engine", "threads"),
    "openai": ("url", "model", "api_key", "headers", "temperature", "extra"),
}
ENGINES = ("auto", "llama", "transformers")
T = TypeVar("T", int, float)
LONGEST_S = 7.5
"""A turn with its hand-off text has to end within 8 seconds."""


def build_generator(section: Mapping[str, Any] | None, root: Path = Path()) -> GuardedGenerator | None:
    """The generator of a project.

    Args:
        section: `generation:` of endpoints.yml: `{type: local, model: qwen2.5-0.5b}`, or
            `{type: openai, url: …, model: …, api_key: …}`, or a dotted path of a class of the user's own as `type`.
            A local model without `model:` is the first one that was fetched.
        root: the project's folder; a model's path is relative to it.

    Returns:
        None when the section is absent or the model is not on this machine; a line in the log says so, and responses
        are said as they are written.

    Raises:
        ConfigError: the section makes no sense.
    """
    if section is None:
        logger.info(
            "generation.off endpoints.yml has no `generation:`; responses are said as they are written."
        )
        return None
    kind = str(section.get("type") or "local")
    limits = Limits(
        tokens=_number(section, "max_tokens", 96, 1, 1024),
        seconds=_number(section, "timeout", 7.0, 0.5, LONGEST_S),
    )
    if kind in KEYS:
        _check_keys(section, kind)
    model = _local(section, root) if kind == "local" else _remote(section, kind)
    return None if model is None else GuardedGenerator(model, limits)


def _check_keys(section: Mapping[str, Any], kind: str) -> None:
    known = (*COMMON, *KEYS[kind])
    for key in section:
        if key not in known:
            raise ConfigError(
                f"`generation:` of type {kind} has no setting {key!r}.", hint=did_you_mean(str(key), known)
            )


def _local(section: Mapping[str, Any], root: Path) -> LanguageModel | None:
    from shoptalk.generation.local import LocalModel

    engine = str(section.get("engine") or "auto")
    if engine not in ENGINES:
        raise ConfigError(f"`generation:` knows no engine {engine!r}.", hint=did_you_mean(engine, ENGINES))
    threads = None if section.get("threads") is None else int(_number(section, "threads", 1, 1, 256))
    name = section.get("model")
    try:
        if name is None:
            entry = default_model()
            if entry is None:
                raise GenerationError(
                    "No language model was fetched.", hint="Run: shoptalk models fetch qwen2.5-0.5b"
                )
            path = model_path(entry)
        else:
            beside = root / str(name)
            path = find_file(str(beside) if beside.exists() else str(name))
    except GenerationError as error:
        logger.warning("generation.off %s Until then responses are said as they are written.", error)
        return None
    return LocalModel.from_path(path, engine, threads)


def _remote(section: Mapping[str, Any], kind: str) -> LanguageModel:
    if kind != "openai":
        own: LanguageModel = registry.resolve("language_model", kind)(dict(section))
        return own
    from shoptalk.generation.openai import OpenAIModel, Service

    for key in ("url", "model"):
        if not section.get(key):
            raise ConfigError(
                f"`generation:` of type openai has no `{key}:`.", hint="It needs `url:` and `model:`."
            )
    url = str(section["url"])
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"`url: {url}` under `generation:` is no HTTP address.")
    return OpenAIModel(
        Service(
            url=url,
            model=str(section["model"]),
            api_key=None if section.get("api_key") is None else str(section["api_key"]),
            headers=_mapping(section, "headers"),
            temperature=_number(section, "temperature", 0.0, 0.0, 2.0),
            extra=_mapping(section, "extra"),
        )
    )


def _mapping(section: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = section.get(key) or {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"`{key}:` under `generation:` must be a mapping.")
    return dict(value)


def _number(section: Mapping[str, Any], key: str, default: T, least: T, most: T) -> T:
    value = section.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigError(f"`{key}: {value}` under `generation:` must be a number from {least} to {most}.")
    return type(default)(value)
