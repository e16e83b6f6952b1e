"""Keys of a domain file that mean nothing, found before they are missed."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from shoptalk.core.training_data import Source
from shoptalk.formats.yaml import List, Map

Warn = Callable[[str, Source], None]

INTENT = ("use_entities", "used_entities", "ignore_entities", "is_retrieval_intent")
ENTITY = ("roles", "groups", "influence_conversation")
ACTION = ("send_domain",)
SLOT = (
    "type", "mappings", "initial_value", "influence_conversation", "values", "min_value", "max_value", "value_reset_delay"
)  # fmt: skip
MAPPING = ("type", "entity", "role", "group", "intent", "not_intent", "conditions", "value", "action")
CONDITION = ("active_loop", "requested_slot")
FORM = ("required_slots", "ignored_intents")
SESSION = ("session_expiration_time", "carry_over_slots_to_new_session")
VARIATION = (
    "text", "image", "buttons", "button_type", "quick_replies", "attachment", "elements", "custom", "channel",
    "condition", "id", "metadata",
)  # fmt: skip


def warn_of_strange_keys(content: Map, warn: Warn) -> None:
    """Name every key below the sections of a domain that nothing reads.

    Args:
        content: a domain, as read.
        warn: told of each, with its place.
    """
    for section, known, what in (
        ("intents", INTENT, "intent"),
        ("entities", ENTITY, "entity"),
        ("actions", ACTION, "action"),
    ):
        for item in _items(content.get(section)):
            for name, body in _pairs(item):
                _check(body, known, f"{what} {name!r}", warn)
    for name, slot in _pairs(content.get("slots")):
        _slot(name, slot, warn)
    for name, form in _pairs(content.get("forms")):
        _check(form, FORM, f"form {name!r}", warn)
    for name, variations in _pairs(content.get("responses")):
        for variation in _items(variations):
            _check(variation, VARIATION, f"response {name!r}", warn, "it is only passed on as metadata")
    _check(content.get("session_config"), SESSION, "session_config", warn)


def _slot(name: str, slot: Any, warn: Warn) -> None:
    if not isinstance(slot, Map):
        return
    if "." not in str(slot.get("type")):
        _check(slot, SLOT, f"slot {name!r}", warn)
    for mapping in _items(slot.get("mappings")):
        _check(mapping, MAPPING, f"a mapping of slot {name!r}", warn)
        for condition in _items(mapping.get("conditions") if isinstance(mapping, Map) else None):
            _check(condition, CONDITION, f"a condition of slot {name!r}", warn)


def _check(body: Any, known: tuple[str, ...], what: str, warn: Warn, fate: str = "it is ignored") -> None:
    for key in body if isinstance(body, Map) else ():
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
            warn(f"The key {key!r} means nothing in {what}; {fate}.{hint}", body.at(key))


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, List) else []


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Map) else []
