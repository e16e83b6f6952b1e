"""`markers.yml`: points in conversations that are worth counting.

asked_then_bought:
  seq:
  - intent: ask_price
  - action: action_checkout
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shoptalk.core.domain import Domain
from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.errors import ConfigError
from shoptalk.formats.yaml import List, Map, read_file
from shoptalk.settings import did_you_mean

CONDITIONS = ("action", "not_action", "intent", "not_intent", "slot_was_set", "slot_was_not_set")
SINGLE = ("not", "at_least_once", "never")
OPERATORS = ("and", "at_least_one_not", "or", "seq", *SINGLE)
TAGS = (*CONDITIONS, *OPERATORS)


@dataclass(frozen=True, slots=True)
class Marker:
    """A condition on events, or an operator over other markers.

    Args:
        tag: one of `TAGS`.
        name: of a marker at the top of a file; of the intent, action or slot in a condition.
        parts: what an operator is over.
        source: where it stands.
    """

    tag: str
    name: str = ""
    parts: tuple[Marker, ...] = ()
    source: Source = field(default=NOWHERE, compare=False)


def load(path: Path) -> dict[str, Marker]:
    """The markers of a file, or of all files of a folder, by name.

    Raises:
        ConfigError: a marker is malformed or stands twice.
    """
    from shoptalk.formats.project import yaml_files

    files = yaml_files([path])
    if not files:
        raise ConfigError("There are no markers here.", hint="Name a file with --config.", file=str(path))
    out: dict[str, Marker] = {}
    for file in files:
        content = read_file(file)
        if not isinstance(content, Map):
            raise ConfigError("Markers must be a mapping of names.", file=str(file), line=1)
        for name, body in content.items():
            at = content.at(name)
            if name in TAGS:
                raise _wrong(
                    f"{name!r} is a kind of marker and cannot be the name of one.", at, "Choose another name."
                )
            if name in out:
                raise _wrong(
                    f"The marker {name!r} stands twice, first at {out[name].source}.", at, "Remove one."
                )
            read = _read(body, at)
            out[name] = Marker(read.tag, read.name, read.parts, at)
    return out


def check(markers: Sequence[Marker], domain: Domain) -> None:
    """Whether the domain knows what markers name.

    Raises:
        ConfigError: it does not.
    """
    known = {
        "intent": sorted(domain.intent_names),
        "action": list(domain.action_names),
        "slot": sorted(domain.all_slots),
    }
    for marker in markers:
        check(marker.parts, domain)
        if marker.tag in CONDITIONS:
            kind = next(kind for kind in known if kind in marker.tag)
            if marker.name not in known[kind]:
                hint = did_you_mean(marker.name, known[kind])
                raise _wrong(f"The domain has no {kind} {marker.name!r}.", marker.source, hint)


def _read(body: Any, at: Source) -> Marker:
    if not isinstance(body, Map):
        raise _wrong(
            "A marker must be a mapping.", at, "Write `intent: name`, `seq:` with a list below, or the like."
        )
    tags = [key for key in body if key != "description"]
    if len(tags) != 1:
        raise _wrong(
            "A marker must have one condition or operator.", at, "Join several with `and:` or `or:`."
        )
    tag = tags[0]
    value, where = body[tag], body.at(tag)
    if tag in CONDITIONS:
        if not isinstance(value, str):
            raise _wrong(f"`{tag}:` needs a name.", where, f"Write `{tag}: name`.")
        return Marker(tag, value, source=where)
    if tag not in OPERATORS:
        raise _wrong(f"{tag!r} is no condition or operator.", where, did_you_mean(tag, TAGS))
    if not isinstance(value, List) or not value:
        raise _wrong(f"`{tag}:` needs a list of markers.", where, "Write them below it, each with a dash.")
    if tag in SINGLE and len(value) != 1:
        raise _wrong(
            f"`{tag}:` takes exactly one marker.", where, "Join several with `and:` or `or:` below it."
        )
    return Marker(tag, "", tuple(_read(one, value.at(n)) for n, one in enumerate(value)), where)


def _wrong(message: str, at: Source, hint: str) -> ConfigError:
    return ConfigError(message, hint=hint, file=at.file, line=at.line)
