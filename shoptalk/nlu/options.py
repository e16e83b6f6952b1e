"""Reading a component's keys from config.yml."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from typing import Any

from shoptalk.errors import ConfigError
from shoptalk.formats.yaml import place

logger = logging.getLogger(__name__)

COMMON = ("name", "alias", "featurizers")


NO_KEYS: Mapping[str, str] = {}


def read_options(
    component: str, config: Mapping[str, Any], defaults: Mapping[str, Any], inert: Mapping[str, str] = NO_KEYS
) -> dict[str, Any]:
    """The component's settings: its defaults with what the project sets.

    A key nobody reads is named in a warning (Rasa ignores it silently); a value of a wrong kind is an error.

    Args:
        component: its name, for messages.
        config: the item of `pipeline:` in config.yml.
        defaults: every key the component reads, with its default.
        inert: those of Rasa's among them that mean nothing here, with the reason; another value is warned of.

    Raises:
        ConfigError: a value has another type than the default.
    """
    out = dict(defaults)
    for key, value in config.items():
        if key in defaults:
            _check_kind(component, key, value, defaults[key], place(config, key))
            out[key] = value
            if key in inert and value != defaults[key]:
                logger.warning(
                    "%s: %s: %s has no effect: %s.", place(config, key), component, key, inert[key]
                )
        elif key not in COMMON:
            close = difflib.get_close_matches(key, [*defaults, *COMMON], n=1)
            hint = (
                f" Did you mean {close[0]!r}?" if close else f" It reads: {', '.join(defaults) or 'no keys'}."
            )
            logger.warning("%s: %s has no key %r, it is ignored.%s", place(config, key), component, key, hint)
    out["featurizers"] = tuple(config.get("featurizers") or ())
    return out


def _check_kind(component: str, key: str, value: Any, default: Any, where: str) -> None:
    if value is None or default is None:
        return
    if isinstance(default, bool):
        wrong = not isinstance(value, (bool, dict))
    elif isinstance(default, (int, float)):
        wrong = isinstance(value, bool) or not isinstance(value, (int, float))
    elif isinstance(default, Mapping):
        wrong = not isinstance(value, Mapping)
    else:
        wrong = False
    if wrong:
        raise ConfigError(
            f"{where}: {component} has {key}: {value!r}.",
            hint=f"It must be a {type(default).__name__}, like the default {default!r}.",
        )
