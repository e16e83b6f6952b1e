"""Project files changed in place: comments, order and quotes stay as their authors wrote them."""

from __future__ import annotations

import io
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from shoptalk.core.training_data import TrainingData
from shoptalk.errors import DataError
from shoptalk.formats import nlu as nlu_format
from shoptalk.formats.project import FORMAT_VERSION

VERSION = ".".join(str(part) for part in FORMAT_VERSION)
WIDTH = 4096
"""Columns before a line is broken: never, so that what was one line stays one."""


def dump_yaml(content: Any) -> str:
    """A value as YAML; texts of several lines as blocks."""
    out = io.StringIO()
    _yaml().dump(_as_written(content), out)
    return out.getvalue()


def load_for_edit(path: Path) -> Any:
    """The content of a YAML file with its comments; None for an empty one.

    Raises:
        DataError: the file is not YAML.
    """
    return _load(_yaml(), path)


def edit_file(path: Path, change: Callable[[Any], None]) -> None:
    """Change a YAML file; what is not changed keeps its look. A missing file begins with its version alone.

    Args:
        path: of the file.
        change: given the content, which it changes in place.

    Raises:
        DataError: the file is not YAML, or cannot be written.
    """
    yaml = _yaml()
    content = _load(yaml, path) if path.exists() else None
    if content is None:
        content = CommentedMap({"version": DoubleQuotedScalarString(VERSION)})
    change(content)
    write_loaded(path, content, yaml)


def write_loaded(path: Path, content: Any, yaml: Any = None) -> None:
    """Write content that `load_for_edit` gave."""
    out = io.StringIO()
    (yaml or _yaml()).dump(content, out)
    write_whole(path, out.getvalue())


def _load(yaml: Any, path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    _adopt_indent(yaml, text)
    try:
        return yaml.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        line = mark.line + 1 if mark else 0
        raise DataError(f"This is not valid YAML: {problem}.", file=str(path), line=line) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is either the old one or the new one.

    Raises:
        DataError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"The file cannot be written: {error.strerror}.", file=str(path)) from error


def add_examples(path: Path, data: TrainingData) -> None:
    """Add examples to an NLU file: below their intent where it is there, else as a new item."""
    fresh = nlu_format.write(data)

    def change(content: Any) -> None:
        items = content.setdefault("nlu", CommentedSeq())
        known = {item.get("intent"): item for item in items if isinstance(item, Mapping)}
        for item in fresh["nlu"]:
            target = known.get(item.get("intent")) if "intent" in item else None
            if target is None:
                items.append(_as_written(item))
            else:
                _extend(target, item["examples"])

    edit_file(path, change)


def add_snippets(path: Path, section: str, snippets: Iterable[Mapping[str, Any]]) -> None:
    """Add stories or rules to a file.

    Args:
        path: of the file.
        section: "stories" or "rules".
        snippets: as they would be read.
    """

    def change(content: Any) -> None:
        items = content.setdefault(section, CommentedSeq())
        for snippet in snippets:
            items.append(_as_written(snippet))

    edit_file(path, change)


def add_to_domain(path: Path, additions: Mapping[str, Sequence[str]]) -> None:
    """Add names to list sections of a domain (intents, entities, actions); those it has stay as they are."""

    def change(content: Any) -> None:
        for section, names in additions.items():
            fresh = [name for name in names if name not in _names(content.get(section))]
            if fresh:
                if content.get(section) is None:
                    content[section] = CommentedSeq()
                content[section].extend(fresh)

    edit_file(path, change)


def _names(items: Any) -> set[str]:
    return {
        str(next(iter(item))) if isinstance(item, Mapping) and item else str(item) for item in items or ()
    }


def _extend(item: Any, examples: Any) -> None:
    old = item.get("examples")
    if isinstance(old, str) and isinstance(examples, str):
        known = {line.strip() for line in old.splitlines()}
        fresh = [line for line in examples.splitlines() if line.strip() not in known]
        lines = [old.rstrip("\n")] if old.strip() else []
        item["examples"] = LiteralScalarString("\n".join([*lines, *fresh]) + "\n")
    elif isinstance(old, str):
        item["examples"] = CommentedSeq([{"text": LiteralScalarString(old)}, *map(_as_written, examples)])
    else:
        lines = examples.splitlines() if isinstance(examples, str) else examples
        for line in lines:
            entry = {"text": line.removeprefix("- ")} if isinstance(line, str) else line
            item.setdefault("examples", CommentedSeq()).append(_as_written(entry))


def _yaml() -> Any:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=2, offset=0)
    return yaml


def _adopt_indent(yaml: Any, text: str) -> None:
    """Write lists as the file does: indented below their key, or not."""
    lines = text.splitlines()
    for above, line in itertools.pairwise(lines):
        indent = len(line) - len(line.lstrip())
        if (
            line.lstrip().startswith("- ")
            and above.rstrip().endswith(":")
            and not above.lstrip().startswith("#")
        ):
            outer = len(above) - len(above.lstrip()) + (2 if above.lstrip().startswith("- ") else 0)
            offset = max(0, indent - outer)
            yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
            return


def _as_written(value: Any, key: str = "") -> Any:
    """A value in the looks people give it: blocks for several lines, quotes around the version."""
    if isinstance(value, Mapping):
        return CommentedMap({name: _as_written(one, str(name)) for name, one in value.items()})
    if isinstance(value, list | tuple):
        return CommentedSeq([_as_written(one) for one in value])
    if isinstance(value, str) and "\n" in value:
        return LiteralScalarString(value)
    if key == "version" and isinstance(value, str):
        return DoubleQuotedScalarString(value)
    return value
