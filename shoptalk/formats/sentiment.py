"""Examples of sentiment and urgency.

sentiment:
- label: negative
  urgent: true
  examples: |
    - stop that parcel now, it goes to the wrong house
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shoptalk.core.training_data import Source
from shoptalk.errors import ConfigError, DataError
from shoptalk.formats.yaml import List, Map, read_file

LABELS = ("negative", "neutral", "positive")


@dataclass(frozen=True, slots=True)
class Felt:
    """A text with how it sounds."""

    text: str
    label: str
    urgent: bool
    source: Source


def load(path: Path) -> list[Felt]:
    """The examples of a file, or of all files of a folder.

    Raises:
        ConfigError: there is no such file or folder.
        DataError: an item is malformed.
    """
    from shoptalk.formats.project import yaml_files

    files = yaml_files([path])
    if not files:
        raise ConfigError(
            f"There are no examples of sentiment at {str(path)!r}.",
            hint="Name a file or folder of the project with `examples:`; docs/nlu.md shows the form.",
        )
    return [felt for file in files for felt in _file(file)]


def _file(file: Path) -> list[Felt]:
    content = read_file(file)
    items = content.get("sentiment") if isinstance(content, Map) else None
    if not isinstance(content, Map) or not isinstance(items, List):
        raise DataError("There is no list `sentiment` in this file.", file=str(file), line=1)
    return [felt for place, item in enumerate(items) for felt in _item(item, items.at(place))]


def _item(item: object, at: Source) -> list[Felt]:
    if not isinstance(item, Map) or item.get("label") not in LABELS:
        raise DataError(
            "An item of `sentiment` must have a `label`.",
            hint=f"One of: {', '.join(LABELS)}.",
            file=at.file,
            line=at.line,
        )
    urgent, block = item.get("urgent", False), item.get("examples")
    if not isinstance(urgent, bool) or not isinstance(block, str):
        raise DataError(
            f"The item {item['label']!r} needs `urgent: true` or `false`, and `examples: |` with one `- text` a line.",
            file=at.file,
            line=at.line,
        )
    first = item.at("examples").line + 1
    lines = [(line.strip(), number) for number, line in enumerate(block.splitlines(), start=first)]
    return [
        Felt(line[1:].strip(), item["label"], urgent, Source(at.file, number))
        for line, number in lines
        if line.startswith("-") and line[1:].strip()
    ]
