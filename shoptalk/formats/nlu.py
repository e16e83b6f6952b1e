"""`nlu:` sections to training data, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shoptalk.core.training_data import NOWHERE, EntitySpan, Example, Lookup, Pattern, Source, TrainingData
from shoptalk.errors import DataError
from shoptalk.formats.yaml import List, Map

Warn = Callable[[str, Source], None]
"""Told of what is odd but not wrong."""

ENTITY = re.compile(
    r"\[(?P<surface>[^\]]+?)\]"
    r"(\((?P<entity>[^:)]+?)(?:\:(?P<value>[^)]+))?\)"
    r"|(?P<dict>\{[^}]+?\})"
    r"|\[(?P<list>.*?)\](?=$|[^\]]))"
)
"""`[surface](entity)`, `[surface](entity:value)`, `[surface]{json}`, `[surface][{json},{json}]`."""

ENTITY_KEYS = {"entity", "role", "group", "value"}


def parse_markup(text: str, source: Source = NOWHERE) -> tuple[str, tuple[EntitySpan, ...]]:
    """A text with entity markup as plain text and spans of it.

    Raises:
        DataError: the JSON of an annotation is broken or has keys nobody knows.
    """
    plain: list[str] = []
    spans: list[EntitySpan] = []
    end_before = 0
    offset = 0
    for match in ENTITY.finditer(text):
        plain.append(text[end_before : match.start()])
        offset += match.start() - end_before
        surface = match["surface"]
        for annotation in _annotations(match, source):
            value = annotation.get("value", surface)
            spans.append(
                EntitySpan(
                    start=offset,
                    end=offset + len(surface),
                    entity=str(annotation["entity"]),
                    value=str(value),
                    role=annotation.get("role"),
                    group=annotation.get("group"),
                )
            )
        plain.append(surface)
        offset += len(surface)
        end_before = match.end()
    plain.append(text[end_before:])
    return "".join(plain), tuple(spans)


def _annotations(match: re.Match[str], source: Source) -> list[dict[str, Any]]:
    if match["entity"]:
        return [{"entity": match["entity"], **({"value": match["value"]} if match["value"] else {})}]
    raw = match["dict"] or f"[{match['list']}]"
    try:
        data = json.loads(raw)
    except json.JSONDecodeError as error:
        raise _bad_entity(match, f"{error.msg} at character {error.pos + 1} of {raw}", source) from error
    items = data if isinstance(data, list) else [data]
    for item in items:
        if not isinstance(item, dict) or "entity" not in item:
            raise _bad_entity(match, "it names no entity", source)
        unknown = set(item) - ENTITY_KEYS
        if unknown:
            raise _bad_entity(match, f"the key {min(unknown)!r} is not known", source)
    return items


def _bad_entity(match: re.Match[str], problem: str, source: Source) -> DataError:
    return DataError(
        f"The entity {match[0]!r} cannot be read: {problem}.",
        hint='Write [text](entity) or [text]{"entity": "name", "role": "…", "group": "…", "value": "…"}.',
        file=source.file,
        line=source.line,
    )


def read(content: Map, warn: Warn) -> TrainingData:
    """Training data of a file's `nlu:` and `responses:` sections.

    Raises:
        DataError: a section or an annotation is malformed.
    """
    reader = _Reader(warn)
    items = content.get("nlu") or List(content.file)
    if not isinstance(items, List):
        raise DataError("`nlu:` must be a list.", file=content.file, line=content.key_lines["nlu"])
    for index, item in enumerate(items):
        reader.item(item, items.at(index))
    responses = content.get("responses")
    return TrainingData(
        examples=tuple(reader.examples),
        synonyms=reader.synonyms,
        regexes=tuple(sorted(reader.regexes, key=lambda p: (p.name, p.pattern))),
        lookups=tuple(reader.lookups),
        responses=dict(responses) if isinstance(responses, Map) else {},
    )


class _Reader:
    """Collects the items of one file."""

    def __init__(self, warn: Warn) -> None:
        self.warn = warn
        self.examples: list[Example] = []
        self.synonyms: dict[str, str] = {}
        self.regexes: list[Pattern] = []
        self.lookups: list[Lookup] = []

    def item(self, item: Any, at: Source) -> None:
        if not isinstance(item, Map):
            raise DataError("An item of `nlu:` must be a mapping.", file=at.file, line=at.line)
        for key, take in (
            ("intent", self.intent),
            ("synonym", self.synonym),
            ("regex", self.regex),
            ("lookup", self.lookup),
        ):
            if key in item:
                self._check_keys(item, key)
                name = item[key]
                if not isinstance(name, str) or not name.strip():
                    self.warn(f"The {key} has no name; skipped.", item.at(key))
                elif item.get("examples") is None:
                    self.warn(f"The {key} {name!r} has no examples; skipped.", item.at(key))
                else:
                    take(name.strip(), item)
                return
        self.warn("An item of `nlu:` is neither intent, synonym, regex nor lookup; skipped.", at)

    def _check_keys(self, item: Map, key: str) -> None:
        known = {key, "examples", *(("metadata",) if key == "intent" else ())}
        for unknown in set(item) - known:
            raise DataError(
                f"The key {unknown!r} is not known beside `{key}:`.",
                hint=f"Known: {', '.join(sorted(known))}.",
                file=item.file,
                line=item.key_lines[unknown],
            )

    def intent(self, name: str, item: Map) -> None:
        if name.count("/") > 1:
            raise DataError(
                f"The intent {name!r} has more than one '/'.", file=item.file, line=item.key_lines["intent"]
            )
        base, slash, _ = name.partition("/")
        intent_metadata = item.get("metadata")
        for text, metadata, source in self._examples(item, name):
            known = {"intent": intent_metadata, "example": metadata}
            plain, spans = parse_markup(text, source)
            self.examples.append(
                Example(
                    text=plain.strip(),
                    intent=base,
                    response_key=name if slash else None,
                    entities=spans,
                    metadata={key: value for key, value in known.items() if value is not None},
                    source=source,
                )
            )
            for span in spans:
                surface = plain[span.start : span.end]
                if span.value != surface:
                    self._add_synonym(surface, span.value, source)

    def synonym(self, name: str, item: Map) -> None:
        for text, _, source in self._examples(item, name):
            self._add_synonym(text, name, source)

    def _add_synonym(self, text: str, value: str, source: Source) -> None:
        known = self.synonyms.get(text)
        if known is not None and known != value:
            self.warn(f"{text!r} is a synonym of both {known!r} and {value!r}; the last one counts.", source)
        self.synonyms[text] = value

    def regex(self, name: str, item: Map) -> None:
        self.regexes += [Pattern(name, text, source) for text, _, source in self._examples(item, name)]

    def lookup(self, name: str, item: Map) -> None:
        values = tuple(text for text, _, _ in self._examples(item, name))
        self.lookups.append(Lookup(name, values, item.at("lookup")))

    def _examples(self, item: Map, name: str) -> Iterator[tuple[str, Any, Source]]:
        examples, at = item["examples"], item.at("examples")
        if isinstance(examples, str):
            yield from ((text, None, source) for text, source in self._lines(examples, at, name))
        elif isinstance(examples, List):
            for index, example in enumerate(examples):
                where = examples.at(index)
                if not isinstance(example, Map) or not isinstance(example.get("text"), str):
                    raise DataError("An example must have a `text`.", file=where.file, line=where.line)
                text = example["text"].strip()
                yield text, example.get("metadata"), where
        else:
            raise DataError(
                f"The examples of {name!r} must be a block of lines that begin with '-', or a list.",
                hint="Write `examples: |` and one `- example` a line below.",
                file=at.file,
                line=at.line,
            )

    def _lines(self, block: str, at: Source, name: str) -> Iterator[tuple[str, Source]]:
        for number, line in enumerate(block.splitlines(), start=at.line + 1):
            text = line.strip()
            source = Source(at.file, number)
            if not text:
                continue
            if not text.startswith("-"):
                self.warn(f"A line of {name!r} does not begin with '-'; skipped: {text!r}.", source)
                continue
            if text[1:].strip():
                yield text[1:].strip(), source


# ------------------------------------------------------------------------------------------------ writing


def markup(text: str, spans: tuple[EntitySpan, ...]) -> str:
    """A text with its entities marked in it; spans over the same characters share one pair of brackets."""
    groups: dict[tuple[int, int], list[EntitySpan]] = {}
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        groups.setdefault((span.start, span.end), []).append(span)
    out, at = [], 0
    for (start, end), group in groups.items():
        if start < at:
            continue
        out.append(text[at:start])
        surface = text[start:end]
        notes = [_note(span, surface) for span in group]
        simple = len(group) == 1 and list(notes[0]) == ["entity"]
        shown = (
            f"({group[0].entity})"
            if simple
            else json.dumps(notes[0] if len(notes) == 1 else notes, ensure_ascii=False)
        )
        out.append(f"[{surface}]{shown}")
        at = end
    out.append(text[at:])
    return "".join(out)


def _note(span: EntitySpan, surface: str) -> dict[str, str]:
    note = {"entity": span.entity}
    if span.role is not None:
        note["role"] = span.role
    if span.group is not None:
        note["group"] = span.group
    if span.value != surface:
        note["value"] = span.value
    return note


def write(data: TrainingData) -> dict[str, Any]:
    """The content of an NLU file that says the same; block texts end with a line feed."""
    intents: dict[str, list[Example]] = {}
    for example in data.examples:
        intents.setdefault(example.response_key or example.intent or "", []).append(example)
    items = [_intent_item(name, examples) for name, examples in intents.items()]
    by_value: dict[str, list[str]] = {}
    for text, value in sorted(data.synonyms.items()):
        by_value.setdefault(value, []).append(text)
    items += [{"synonym": value, "examples": _block(texts)} for value, texts in by_value.items()]
    patterns: dict[str, list[str]] = {}
    for pattern in data.regexes:
        patterns.setdefault(pattern.name, []).append(pattern.pattern)
    items += [{"regex": name, "examples": _block(texts)} for name, texts in patterns.items()]
    items += [{"lookup": lookup.name, "examples": _block(lookup.elements)} for lookup in data.lookups]
    content: dict[str, Any] = {"version": "3.1", "nlu": items}
    if data.responses:
        content["responses"] = dict(data.responses)
    return content


def _intent_item(name: str, examples: list[Example]) -> dict[str, Any]:
    item: dict[str, Any] = {"intent": name}
    metadata = next((e.metadata["intent"] for e in examples if "intent" in e.metadata), None)
    if metadata is not None:
        item["metadata"] = metadata
    if any("example" in e.metadata for e in examples):
        item["examples"] = [_example_item(e) for e in examples]
    else:
        item["examples"] = _block([markup(e.text, e.entities) for e in examples])
    return item


def _example_item(example: Example) -> Mapping[str, Any]:
    item: dict[str, Any] = {"text": markup(example.text, example.entities) + "\n"}
    if "example" in example.metadata:
        item["metadata"] = example.metadata["example"]
    return item


def _block(lines: list[str] | tuple[str, ...]) -> str:
    return "".join(f"- {line}\n" for line in lines)
