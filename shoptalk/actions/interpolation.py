"""`{slot}` in response texts. Only names that are looked up whole are replaced; nothing is ever evaluated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PIECE = re.compile(r"(?P<open>\{\{)|(?P<close>\}\})|\{(?P<name>[^\n{}]+)\}")


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Replace `{name}` in every string of a JSON value.

    Args:
        value: a string, or lists and objects of them; anything else is returned as it is.
        values: what the names stand for.
    """
    if isinstance(value, str):
        return fill_text(value, values)
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, values) for key, item in value.items()}
    return value


def fill_text(text: str, values: Mapping[str, Any]) -> str:
    """Replace each `{name}` of a text by its value; `{{` and `}}` become single braces.

    A text with a name that is not known is left untouched as a whole, and so is one that has both an escaped
    `{{name}}` and a name to replace. Braces that belong to no name stay. Source: behaviour of Rasa 3.6.

    Args:
        text: the template.
        values: what the names stand for; None is written "None".
    """
    out: list[str] = []
    place, replaced, escaped = 0, False, False
    for piece in _PIECE.finditer(text):
        out.append(text[place : piece.start()])
        place = piece.end()
        name = piece["name"]
        if name is None:
            out.append("{" if piece["open"] else "}")
            escaped = escaped or (bool(piece["open"]) and _ESCAPED.match(text, piece.start()) is not None)
        elif name in values:
            out.append(str(values[name]))
            replaced = True
        else:
            return text
    if escaped and replaced:
        return text
    return "".join(out) + text[place:]


_ESCAPED = re.compile(r"\{\{[^\n{}]+\}\}(?!\})")
