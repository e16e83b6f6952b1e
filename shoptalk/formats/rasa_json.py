"""NLU data in Rasa's JSON form (`rasa_nlu_data`) to training data, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shoptalk.core.training_data import EntitySpan, Example, Lookup, Pattern, Source, TrainingData
from shoptalk.errors import DataError
from shoptalk.formats.yaml import MAX_BYTES

ROOT_KEY = "rasa_nlu_data"
FOREIGN = (
    ("luis_schema_version", "LUIS"),
    ("utterances", "Wit.ai"),
    ("userSays", "Dialogflow"),
    ("responses", "Dialogflow"),
)
"""Keys that tell exports of other products."""
_TEXT = re.compile(r'"text"\s*:')


def is_training_data(content: Any) -> bool:
    """Whether JSON content is NLU data of Rasa's."""
    return isinstance(content, dict) and ROOT_KEY in content


def read_file(path: Path, shown_as: str, *, must_be: bool = False) -> TrainingData | None:
    """The training data of a JSON file; None if it is something else.

    Args:
        path: the file.
        shown_as: how errors name it.
        must_be: raise instead of returning None.

    Raises:
        DataError: it is not JSON, or not of the form it should be.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"The file is larger than {MAX_BYTES >> 20} MB.", hint="Split it.", file=shown_as)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("The file is not UTF-8.", file=shown_as) from error
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror}.", file=shown_as) from error
    content = _loads(text, shown_as)
    if not is_training_data(content) and not must_be:
        return None
    return _read(content, text, shown_as, path.parent)


def read_text(text: str, shown_as: str) -> TrainingData:
    """The training data of a JSON text; lookup files are not read.

    Raises:
        DataError: it is not JSON, or not of the form it should be.
    """
    return _read(_loads(text, shown_as), text, shown_as, None)


def _loads(text: str, shown_as: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"This is not valid JSON: {error.msg}.", file=shown_as, line=error.lineno) from error
    except RecursionError as error:
        raise DataError("This JSON is nested too deeply.", file=shown_as) from error


def _read(content: Any, text: str, shown_as: str, folder: Path | None) -> TrainingData:
    if not is_training_data(content):
        kind = next((name for key, name in FOREIGN if isinstance(content, dict) and key in content), None)
        raise DataError(
            f"This is an export of {kind}, which is not read."
            if kind
            else "This is no NLU data: `rasa_nlu_data` is missing.",
            hint="Convert it with Rasa 3.6 (`rasa data convert nlu -f yaml`), or write it as YAML.",
            file=shown_as,
        )
    return _Reader(folder, shown_as, text).data(content[ROOT_KEY])


class _Reader:
    """Reads one file; knows in which line each example's text stands."""

    def __init__(self, folder: Path | None, shown: str, text: str) -> None:
        self.folder, self.shown = folder, shown
        starts = [match.start() for match in _TEXT.finditer(text)]
        breaks = [0] + [m.end() for m in re.finditer("\n", text)]
        self.lines = [_line(breaks, start) for start in starts]

    def data(self, body: Any) -> TrainingData:
        if not isinstance(body, Mapping):
            raise DataError(f"`{ROOT_KEY}` must be an object.", file=self.shown, line=1)
        items = [
            *body.get("common_examples", ()),
            *body.get("intent_examples", ()),
            *body.get("entity_examples", ()),
        ]
        exact = len(self.lines) == len(items)
        examples = [self._example(item, self.lines[n] if exact else 0) for n, item in enumerate(items)]
        synonyms = {
            str(text): str(entry["value"])
            for entry in body.get("entity_synonyms", ())
            for text in entry.get("synonyms", ())
        }
        for example in examples:
            for span in example.entities:
                surface = example.text[span.start : span.end]
                if surface != span.value:
                    synonyms[surface] = span.value
        patterns = [
            Pattern(str(p["name"]), str(p["pattern"]), self._at(0)) for p in body.get("regex_features", ())
        ]
        return TrainingData(
            examples=tuple(examples),
            synonyms=synonyms,
            regexes=tuple(sorted(patterns, key=lambda p: (p.name, p.pattern))),
            lookups=tuple(self._lookup(table) for table in body.get("lookup_tables", ())),
        )

    def _at(self, line: int) -> Source:
        return Source(self.shown, line)

    def _example(self, item: Any, line: int) -> Example:
        if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
            raise DataError("An example must be an object with a `text`.", file=self.shown, line=line)
        intent = item.get("intent")
        base, slash, _ = str(intent or "").partition("/")
        return Example(
            text=item["text"],
            intent=base or None,
            response_key=str(intent) if slash else None,
            entities=tuple(self._entity(e, item["text"], line) for e in item.get("entities") or ()),
            metadata=dict(item.get("metadata") or {}),
            source=self._at(line),
        )

    def _entity(self, entity: Any, text: str, line: int) -> EntitySpan:
        try:
            start, end, kind = int(entity["start"]), int(entity["end"]), str(entity["entity"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"An entity of {text!r} has no `start`, `end` and `entity`.", file=self.shown, line=line
            ) from error
        if not 0 <= start < end <= len(text):
            raise DataError(
                f"The entity {kind!r} from {start} to {end} does not lie in {text!r}.",
                file=self.shown,
                line=line,
            )
        value = str(entity.get("value", text[start:end]))
        return EntitySpan(start, end, kind, value, entity.get("role"), entity.get("group"))

    def _lookup(self, table: Mapping[str, Any]) -> Lookup:
        elements = table.get("elements", ())
        if isinstance(elements, str):
            elements = self._lines_of(elements)
        return Lookup(str(table["name"]), tuple(str(e) for e in elements), self._at(0))

    def _lines_of(self, name: str) -> Sequence[str]:
        """The lines of a lookup file: named from this folder, or from the one commands run in."""
        for path in () if self.folder is None else (self.folder / name, Path(name)):
            if path.is_file():
                lines = path.read_text(encoding="utf-8").splitlines()
                return [line.strip() for line in lines if line.strip()]
        raise DataError(
            f"The lookup file {name!r} does not exist.",
            hint="Name it relative to this file, one element a line.",
            file=self.shown,
        )


def _line(breaks: Sequence[int], place: int) -> int:
    from bisect import bisect_right

    return bisect_right(breaks, place)


def write(data: TrainingData) -> dict[str, Any]:
    """The content of a JSON file that says the same."""
    by_value: dict[str, list[str]] = {}
    for text, value in sorted(data.synonyms.items()):
        by_value.setdefault(value, []).append(text)
    return {
        ROOT_KEY: {
            "common_examples": [_written(example) for example in data.examples],
            "regex_features": [{"name": p.name, "pattern": p.pattern} for p in data.regexes],
            "lookup_tables": [
                {"name": table.name, "elements": list(table.elements)} for table in data.lookups
            ],
            "entity_synonyms": [{"value": value, "synonyms": texts} for value, texts in by_value.items()],
        }
    }


def _written(example: Example) -> dict[str, Any]:
    out: dict[str, Any] = {"text": example.text, "intent": example.response_key or example.intent}
    if example.entities:
        out["entities"] = [span.as_dict() for span in example.entities]
    if example.metadata:
        out["metadata"] = dict(example.metadata)
    return {key: value for key, value in out.items() if value is not None}
