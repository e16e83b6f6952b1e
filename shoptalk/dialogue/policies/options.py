"""Reading a policy's keys from config.yml."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from typing import Any

from shoptalk.errors import ConfigError
from shoptalk.formats.yaml import place

logger = logging.getLogger(__name__)

NO_KEYS: Mapping[str, str] = {}
COMMON = ("name", "priority", "max_history", "featurizer")
FULL_DIALOGUE = "FullDialogueTrackerFeaturizer"
FEATURIZERS = {
    FULL_DIALOGUE: "the whole conversation",
    "MaxHistoryTrackerFeaturizer": "the last max_history states",
    "IntentMaxHistoryTrackerFeaturizer": "the last max_history states",
}
STATE_FEATURIZERS = ("SingleStateFeaturizer", "IntentTokenizerSingleStateFeaturizer")


def read_options(
    policy: str, config: Mapping[str, Any], defaults: Mapping[str, Any], inert: Mapping[str, str] = NO_KEYS
) -> dict[str, Any]:
    """The policy's settings: its defaults with what the project sets; mappings are merged key by key.

    A key nobody reads is named in a warning, and so is one of `inert` (Rasa's keys that mean nothing here, each with
    the reason). A `featurizer:` of Rasa's is read for its `max_history`.

    Raises:
        ConfigError: a value has another type than the default, or a featurizer is not known.
    """
    out = dict(defaults)
    for key, value in config.items():
        if key in defaults:
            _check_kind(policy, key, value, defaults[key], place(config, key))
            out[key] = {**defaults[key], **value} if isinstance(defaults[key], Mapping) and value else value
        elif key in inert:
            logger.warning("%s: %s: %s has no effect: %s.", place(config, key), policy, key, inert[key])
        elif key not in COMMON:
            close = difflib.get_close_matches(key, [*defaults, *COMMON], n=1)
            hint = (
                f" Did you mean {close[0]!r}?" if close else f" It reads: {', '.join((*COMMON, *defaults))}."
            )
            logger.warning("%s: %s has no key %r, it is ignored.%s", place(config, key), policy, key, hint)
    out["max_history"] = _max_history(policy, config)
    return out


def _max_history(policy: str, config: Mapping[str, Any]) -> int | None:
    """How many states a policy looks back; None for all of them."""
    value = config.get("max_history")
    featurizers = config.get("featurizer") or []
    items = featurizers if isinstance(featurizers, list) else [featurizers]
    if len(items) > 1:
        raise ConfigError(
            f"{place(config, 'featurizer')}: {policy} has {len(items)} featurizers.", hint="Keep one."
        )
    for item in items:
        name = str(item.get("name", "")).rpartition(".")[2]
        if name not in FEATURIZERS:
            raise ConfigError(
                f"{place(config, 'featurizer')}: {policy} has the unknown featurizer {item.get('name')!r}.",
                hint=f"Known: {', '.join(FEATURIZERS)}.",
            )
        for inner in item.get("state_featurizer") or []:
            if str(inner.get("name", "")).rpartition(".")[2] not in STATE_FEATURIZERS:
                raise ConfigError(
                    f"{place(config, 'featurizer')}: {policy} has the unknown state featurizer {inner.get('name')!r}.",
                    hint=f"Known: {', '.join(STATE_FEATURIZERS)}.",
                )
        value = None if name == FULL_DIALOGUE else item.get("max_history", value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigError(
            f"{place(config, 'max_history')}: {policy} has max_history: {value!r}.",
            hint="It must be a whole number of at least 1, or null for the whole conversation.",
        )
    return value


def _check_kind(policy: str, key: str, value: Any, default: Any, where: str) -> None:
    if value is None or default is None:
        return
    if isinstance(default, bool):
        wrong = not isinstance(value, bool)
    elif isinstance(default, int | float):
        wrong = isinstance(value, bool) or not isinstance(value, int | float | list)
    elif isinstance(default, Mapping):
        wrong = not isinstance(value, Mapping)
    else:
        wrong = False
    if wrong:
        raise ConfigError(
            f"{where}: {policy} has {key}: {value!r}.",
            hint=f"It must be a {type(default).__name__}, like the default {default!r}.",
        )
