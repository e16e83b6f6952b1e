"""YAML as projects are written in it: version 1.2 rules, safe, bounded, every value with its line.

`yes`, `no`, `on`, `off` are strings; duplicate keys are errors; no tag builds an object. Mappings and lists remember
the line of each key and item, so that later checks can name them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from shoptalk.core.training_data import Source
from shoptalk.errors import ConfigError, DataError

MAX_BYTES = 10 << 20
MAX_DEPTH = 50
MAX_NODES = 2_000_000
"""Values a file may stand for, aliases counted each time they are used."""


class Map(dict[str, Any]):
    """A mapping that knows the line of each of its keys."""

    __slots__ = ("file", "key_files", "key_lines", "line")

    def __init__(self, file: str = "", line: int = 0) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.key_lines: dict[str, int] = {}
        self.key_files: dict[str, str] = {}  # of keys that came from another file

    def at(self, key: str | None = None) -> Source:
        """Where a key (or the mapping itself) stands."""
        if key is None or key not in self.key_lines:
            return Source(self.file, self.line)
        return Source(self.key_files.get(key, self.file), self.key_lines[key])

    def __copy__(self) -> Map:
        out = Map(self.file, self.line)
        out.update(self)
        out.key_lines = dict(self.key_lines)
        return out


def place(settings: Mapping[str, Any], key: str, file: str = "config.yml") -> str:
    """Where a key stands, as people read it: `config.yml:7`, or the file alone where no line is known."""
    return str(settings.at(key)) if isinstance(settings, Map) else file


@contextmanager
def at_place(settings: Mapping[str, Any], key: str = "name") -> Iterator[None]:
    """Errors of what a component or policy is told say where it is told."""
    try:
        yield
    except ConfigError as error:
        if error.file or _PLACED.match(error.message):
            raise
        at = settings.at(key) if isinstance(settings, Map) else Source("config.yml")
        message = error.message.removeprefix("config.yml: ")
        raise ConfigError(message, hint=error.hint, file=at.file, line=at.line) from error


_PLACED = re.compile(r"\S+:\d+: ")


class List(list[Any]):
    """A list that knows the line of each of its items."""

    __slots__ = ("file", "item_files", "item_lines", "line")

    def __init__(self, file: str = "", line: int = 0) -> None:
        super().__init__()
        self.file, self.line = file, line
        self.item_lines: list[int] = []
        self.item_files: dict[int, str] = {}  # of items that came from another file

    def at(self, index: int) -> Source:
        """Where an item stands."""
        line = self.item_lines[index] if index < len(self.item_lines) else self.line
        return Source(self.item_files.get(index, self.file), line)


def read_file(path: Path, *, environment: bool = False, shown_as: str | None = None) -> Any:
    """The content of a YAML file: `Map`, `List`, a scalar, or an empty `Map` for an empty file.

    Args:
        path: the file.
        environment: replace `${NAME}` in plain scalars by environment variables.
        shown_as: how errors name the file.

    Raises:
        DataError: it cannot be read, is too large or is not YAML; with file and line.
    """
    name = shown_as or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"The file is larger than {MAX_BYTES >> 20} MB.", hint="Split it.", file=name)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file is not UTF-8 ({error.reason} at byte {error.start}).", file=name
        ) from error
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror}.", file=name) from error
    return read_text(text, name, environment=environment)


def read_text(text: str, file: str = "", *, environment: bool = False) -> Any:
    """The content of a YAML text; see `read_file`."""
    loader = _Loader(_join_surrogates(text))
    try:
        node = loader.get_single_node()
        if node is None:
            return Map(file, 1)
        return _Reader(file, environment).value(node, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DataError(
            f"This is not valid YAML: {error.problem}.",
            hint=str(error.context or "").strip(),
            file=file,
            line=mark.line + 1 if mark else 0,
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"This is not valid YAML: {error}.", file=file) from error
    finally:
        loader.dispose()


class _Loader(yaml.CSafeLoader):
    """libyaml's parser without its YAML 1.1 guesses about plain scalars."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the base class declares it so


_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class _Reader:
    """Turns nodes into values, counting them."""

    def __init__(self, file: str, environment: bool) -> None:
        self.file, self.environment = file, environment
        self.sizes: dict[int, int] = {}
        self.seen: dict[int, Any] = {}
        self.open: set[int] = set()

    def value(self, node: yaml.Node, depth: int) -> Any:
        if id(node) in self.seen:
            return self.seen[id(node)]
        if depth > MAX_DEPTH:
            raise self.error(f"More than {MAX_DEPTH} levels of nesting.", node)
        if id(node) in self.open:
            raise self.error("An alias refers to something it is part of.", node)
        if node.tag not in _PLAIN_TAGS:
            raise self.error(f"The tag {node.tag!r} is not allowed.", node)
        self.open.add(id(node))
        out: Any
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            out, children = self.mapping(node, depth)
        elif isinstance(node, yaml.SequenceNode):
            out, children = self.sequence(node, depth)
        elif isinstance(node, yaml.ScalarNode):
            out = self.scalar(node)
        self.open.discard(id(node))
        self.sizes[id(node)] = 1 + sum(self.sizes[id(child)] for child in children)
        if self.sizes[id(node)] > MAX_NODES:
            raise self.error(f"The file stands for more than {MAX_NODES} values.", node)
        self.seen[id(node)] = out
        return out

    def mapping(self, node: yaml.MappingNode, depth: int) -> tuple[Map, list[yaml.Node]]:
        out = Map(self.file, node.start_mark.line + 1)
        children = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error("A key must be a plain word.", key_node)
            key = key_node.value
            if key in out:
                raise self.error(
                    f"The key {key!r} stands twice, first in line {out.key_lines[key]}.", key_node
                )
            out[key] = self.value(value_node, depth + 1)
            out.key_lines[key] = key_node.start_mark.line + 1
            children.append(value_node)
        return out, children

    def sequence(self, node: yaml.SequenceNode, depth: int) -> tuple[List, list[yaml.Node]]:
        out = List(self.file, node.start_mark.line + 1)
        for item in node.value:
            out.append(self.value(item, depth + 1))
            out.item_lines.append(item.start_mark.line + 1)
        return out, list(node.value)

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.style:
            return text
        if self.environment and "${" in text:
            expanded = self.expand(text, node)
            value = resolve(expanded)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return expanded if is_number and str(value) != expanded else value  # a password such as 0123
        value = resolve(text)
        return text if not isinstance(value, str) and _has_tag(node) else value

    def expand(self, text: str, node: yaml.Node) -> str:
        def one(match: re.Match[str]) -> str:
            return os.environ.get(match[1], match[0])

        expanded = _VARIABLE.sub(one, text)
        missing = [word for word in expanded.split() if word.startswith("${")]
        if missing:
            raise self.error(
                f"The environment variable {missing[0]} is not set.", node, "Set it, or write the value here."
            )
        return expanded

    def error(self, message: str, node: yaml.Node, hint: str = "") -> DataError:
        return DataError(message, hint=hint, file=self.file, line=node.start_mark.line + 1)


def _has_tag(node: yaml.ScalarNode) -> bool:
    """Whether a plain scalar on one line has an explicit tag, and so is longer in the file than its value."""
    return bool(node.end_mark.index - node.start_mark.index > len(node.value))


def resolve(text: str) -> Any:
    """The value of a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        if len(text) > 4000:
            raise ValueError("a number of more than 4,000 digits")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _join_surrogates(text: str) -> str:
    r"""Text whose characters outside ASCII are written `\uD83D\uDE00`, as Rasa's exports have it, made readable."""
    if "\\u" not in text or not text.isascii():
        return text
    try:
        raw = text.encode("ascii").decode("raw-unicode-escape")
        return raw.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeError:
        return text
