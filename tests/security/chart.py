"""Renders a Helm chart's templates as far as ours use Helm's language; anything else of it is an error, not a guess."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PIECE = re.compile(r"(?P<before>\s*)\{\{-(?P<trimmed>.*?)\}\}|\{\{(?P<plain>.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Chart:
    """A chart's folder, the values to render it with, and the release's name."""

    folder: Path
    values: Mapping[str, Any]
    release: str = "shop"

    @classmethod
    def read(cls, folder: Path, **changed: Any) -> Chart:
        """The chart with its own values, some of them changed."""
        return cls(folder, {**yaml.safe_load((folder / "values.yaml").read_text()), **changed})

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the chart would create, by the template's name."""
        for path in sorted((self.folder / "templates").glob("*.yaml")):
            for document in yaml.safe_load_all(self.render(path)):
                if document:
                    yield path.name, document

    def render(self, path: Path) -> str:
        """A template's text with the values in it."""
        tokens: list[tuple[bool, str]] = []
        text, at = path.read_text(), 0
        for found in PIECE.finditer(text):
            tokens += [
                (False, text[at : found.start()]),
                (True, (found["trimmed"] or found["plain"]).strip()),
            ]
            at = found.end()
        whole = [*tokens, (False, text[at:])]
        return "".join(self._block(iter(whole), None, True))

    def _block(self, tokens: Iterator[tuple[bool, str]], dot: Any, shown: bool) -> list[str]:
        """The text up to the block's `end`, which is used up."""
        out: list[str] = []
        for is_action, text in tokens:
            word, _, rest = text.partition(" ")
            if not is_action:
                out.append(text)
            elif text == "end":
                break
            elif word == "if":
                out += self._block(tokens, dot, shown and bool(self._value(rest, dot)))
            elif word == "range":
                body = list(_body(tokens))
                for item in self._value(rest, dot) if shown else ():
                    out += self._block(iter(body), item, shown)
            else:
                out.append(str(self._piped(text, dot)) if shown else "")
        return out if shown else []

    def _piped(self, text: str, dot: Any) -> Any:
        first, *functions = [part.strip() for part in text.split("|")]
        value = self._value(first, dot)
        for name, *arguments in (function.split() for function in functions):
            match name:
                case "quote":
                    value = json.dumps(str(value))
                case "nindent":
                    value = "\n" + "\n".join(" " * int(arguments[0]) + line for line in value.splitlines())
                case "sha256sum":
                    value = hashlib.sha256(value.encode()).hexdigest()
                case _:
                    raise ValueError(f"The renderer has no {name!r}.")
        return value

    def _value(self, text: str, dot: Any) -> Any:
        if text.startswith("not "):
            return not self._value(text[4:], dot)
        if text.startswith("toYaml "):
            return yaml.safe_dump(self._value(text[7:], dot))
        if found := re.fullmatch(r'include \(print \$\.Template\.BasePath "/([\w.]+)"\) \.', text):
            return self.render(self.folder / "templates" / found[1])
        if text == ".":
            return dot
        if text == ".Release.Name":
            return self.release
        if not text.startswith(".Values."):
            raise ValueError(f"The renderer cannot read {text!r}.")
        value: Any = self.values
        for step in text.removeprefix(".Values.").split("."):
            value = value[step]  # a value nobody defined is an error
        return value


def _body(tokens: Iterator[tuple[bool, str]]) -> Iterator[tuple[bool, str]]:
    """A block's tokens up to its own `end`."""
    depth = 1
    for is_action, text in tokens:
        depth += is_action and text.split(" ")[0] in ("if", "range")
        depth -= is_action and text == "end"
        if not depth:
            return
        yield is_action, text
