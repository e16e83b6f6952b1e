"""A domain of Rasa 2 made one of Rasa 3: what forms said of filling slots moves to the slots."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from shoptalk.errors import DataError
from shoptalk.formats.edit import load_for_edit, write_loaded
from shoptalk.formats.project import YAML_SUFFIXES

VERSION, UNFEATURIZED = "3.1", "unfeaturized"


@dataclass(frozen=True, slots=True)
class Migrated:
    """Where a migration left things: the new domain and the old one."""

    domain: Path
    backup: Path
    changes: tuple[str, ...]


def migrate(domain: Path, out: Path | None = None) -> Migrated:
    """Write a domain in the format of Rasa 3 beside the old one, which is kept.

    Args:
        domain: file or folder.
        out: where to write (default: `new_domain.yml` or the folder `new_domain` beside it).

    Raises:
        DataError: it does not exist, there is nothing to migrate, or the target exists.
    """
    files = _files(domain)
    target = out or domain.with_name(f"new_{domain.name}" if domain.is_dir() else "new_domain.yml")
    backup = domain.with_name("original_domain" + ("" if domain.is_dir() else ".yml"))
    for path in (target, backup):
        if path.exists():
            raise DataError("This file is in the way.", hint="Move it, or say --out.", file=str(path))
    contents = {path: load_for_edit(path) for path in files}
    entities = {_name(e) for content in contents.values() for e in content.get("entities") or ()}
    changes: list[str] = []
    moved: dict[str, list[Any]] = {}
    for content in contents.values():
        _forms(content, moved, changes)
    slots_known = [name for content in contents.values() for name in content.get("slots") or {}]
    for name in moved:
        if name not in slots_known:
            raise DataError(
                f"A form asks for the slot {name!r}, which the domain does not list.",
                hint="Add it under `slots:` with its type.",
                file=str(domain),
            )
    for content in contents.values():
        for name, slot in (content.get("slots") or {}).items():
            _slot(name, slot, moved.get(name, []), entities, changes)
    if not changes:
        raise DataError("There is nothing to migrate: the domain has Rasa 3's form.", file=str(domain))
    _write(domain, target, backup, contents)
    return Migrated(target, backup, tuple(changes))


def _files(domain: Path) -> list[Path]:
    if domain.is_dir():
        return sorted(path for path in domain.rglob("*") if path.suffix in YAML_SUFFIXES)
    if not domain.is_file():
        raise DataError("There is no such domain.", hint="Say --domain FILE.", file=str(domain))
    return [domain]


def _forms(content: Any, moved: dict[str, list[Any]], changes: list[str]) -> None:
    """Take the mappings out of the forms; what those ask for that are listed by their names, their code says."""
    forms = content.get("forms") or {}
    if isinstance(forms, list):
        forms = {_name(form): form[_name(form)] if isinstance(form, Mapping) else None for form in forms}
        content["forms"] = forms
    for name, form in forms.items():
        _form(forms, name, form, moved, changes)


def _form(forms: Any, name: str, form: Any, moved: dict[str, list[Any]], changes: list[str]) -> None:
    """Take the mappings out of one form."""
    body = form if isinstance(form, Mapping) else {}
    required = body.get("required_slots")
    if "required_slots" in body and not isinstance(required, Mapping):
        return
    mappings = (
        required
        if isinstance(required, Mapping)
        else {k: v for k, v in body.items() if k != "ignored_intents"}
    )
    for slot, entries in (mappings or {}).items():
        for entry in entries if isinstance(entries, list) else [entries] if entries else []:
            _add(moved.setdefault(slot, []), entry, {"active_loop": name, "requested_slot": slot})
        moved.setdefault(slot, [])
    new: dict[str, Any] = {"required_slots": list(mappings or ())}
    if "ignored_intents" in body:
        new["ignored_intents"] = body["ignored_intents"]
    forms[name] = new
    changes.append(f"form {name!r}: how its slots are filled moved to the slots")


def _add(mappings: list[Any], entry: Mapping[str, Any], condition: dict[str, str]) -> None:
    """Add a mapping under a condition; equal mappings of several forms become one with several conditions."""
    bare = {key: copy.deepcopy(value) for key, value in entry.items() if key != "conditions"}
    for known in mappings:
        if {key: value for key, value in known.items() if key != "conditions"} == bare:
            known["conditions"].append(condition)
            return
    mappings.append({**bare, "conditions": [condition]})


def _slot(name: str, slot: Any, moved: Sequence[Any], entities: set[str], changes: list[str]) -> None:
    """Give one slot its mappings."""
    automatic = slot.pop("auto_fill", True)
    if slot.get("type") == UNFEATURIZED:
        slot["type"] = "any"
        changes.append(f"slot {name!r}: the type {UNFEATURIZED!r} is called 'any' now")
    if "mappings" in slot and not moved:
        return
    mappings = [*(slot.get("mappings") or ()), *moved]
    fills = {"type": "from_entity", "entity": name}
    if name in entities and automatic is not False and fills not in mappings:
        mappings.append(fills)
    slot["mappings"] = mappings or [{"type": "custom"}]
    changes.append(f"slot {name!r}: {', '.join(str(m['type']) for m in slot['mappings'])}")


def _write(domain: Path, target: Path, backup: Path, contents: Mapping[Path, Any]) -> None:
    if domain.is_dir():
        domain.rename(backup)
    else:
        backup.write_bytes(domain.read_bytes())
        domain.unlink()
    for path, content in contents.items():
        content["version"] = DoubleQuotedScalarString(VERSION)
        place = target / path.relative_to(domain) if target.suffix not in YAML_SUFFIXES else target
        write_loaded(place, content)


def _name(item: Any) -> str:
    return str(next(iter(item))) if isinstance(item, Mapping) and item else str(item)
