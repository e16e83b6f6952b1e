"""`stories:` and `rules:` sections to core objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shoptalk.core.events import KINDS
from shoptalk.core.stories import (
    ActionStep,
    CheckpointStep,
    EventStep,
    LoopStep,
    OrStep,
    Rule,
    SlotStep,
    Step,
    Story,
    StoryData,
    UserStep,
)
from shoptalk.core.training_data import EntitySpan, Source
from shoptalk.errors import DataError
from shoptalk.formats.nlu import Warn, parse_markup
from shoptalk.formats.yaml import List, Map

STEP_KEYS = {
    "user": {"user", "intent", "entities", "metadata"},
    "intent": {"user", "intent", "entities", "metadata"},
    "or": {"or", "metadata"},
    "action": {"action", "metadata"},
    "bot": {"bot", "metadata"},
    "checkpoint": {"checkpoint", "slot_was_set", "metadata"},
    "slot_was_set": {"slot_was_set", "metadata"},
    "active_loop": {"active_loop", "metadata"},
    "metadata": {"metadata"},
}
"""Kinds of steps in the order they are recognised, and the keys each may have."""


def read(content: Map, warn: Warn, *, is_test: bool = False) -> StoryData:
    """Stories and rules of a file.

    Args:
        content: the whole file.
        warn: told of what is odd but not wrong.
        is_test: a test story keeps the full name of a retrieval intent.

    Raises:
        DataError: a story, rule or step is malformed.
    """
    reader = _Reader(warn, is_test)
    stories = [reader.story(item) for item in _sections(content, "stories", "story")]
    rules = [reader.rule(item) for item in _sections(content, "rules", "rule")]
    return StoryData(
        stories=tuple(s for s in stories if s is not None), rules=tuple(r for r in rules if r is not None)
    )


def _sections(content: Map, section: str, key: str) -> list[Map]:
    items = content.get(section)
    if items is None:
        return []
    at = content.at(section)
    if not isinstance(items, List):
        raise DataError(f"`{section}:` must be a list.", file=at.file, line=at.line)
    for index, item in enumerate(items):
        where = items.at(index)
        if not isinstance(item, Map) or key not in item:
            raise DataError(
                f"An item of `{section}:` must be a mapping that begins with `{key}:`.",
                hint=f"Write `- {key}: its name` and `steps:` below.",
                file=where.file,
                line=where.line,
            )
    return list(items)


class _Reader:
    """Reads the snippets of one file."""

    def __init__(self, warn: Warn, is_test: bool) -> None:
        self.warn, self.is_test = warn, is_test

    def story(self, item: Map) -> Story | None:
        _check_keys(item, {"story", "steps", "metadata"}, "story")
        steps = self._steps(item, str(item["story"]))
        return None if steps is None else Story(str(item["story"]), steps, item.at("story"))

    def rule(self, item: Map) -> Rule | None:
        known = {"rule", "steps", "condition", "conversation_start", "wait_for_user_input", "metadata"}
        _check_keys(item, known, "rule")
        steps = self._steps(item, str(item["rule"]))
        if steps is None:
            return None
        return Rule(
            name=str(item["rule"]),
            steps=steps,
            condition=self._condition(item),
            conversation_start=item.get("conversation_start") is True,
            wait_for_user_input=item.get("wait_for_user_input", True) is not False,
            source=item.at("rule"),
        )

    def _condition(self, item: Map) -> tuple[SlotStep | LoopStep, ...]:
        out: list[SlotStep | LoopStep] = []
        for index, entry in enumerate(item.get("condition") or []):
            at = item["condition"].at(index) if isinstance(item["condition"], List) else item.at("condition")
            if isinstance(entry, Map) and "slot_was_set" in entry:
                out += self._slots(entry)
            elif isinstance(entry, Map) and "active_loop" in entry:
                out.append(_loop(entry))
            else:
                raise DataError(
                    "A condition of a rule must be `slot_was_set:` or `active_loop:`.",
                    file=at.file,
                    line=at.line,
                )
        return tuple(out)

    def _steps(self, item: Map, name: str) -> tuple[Step, ...] | None:
        steps = item.get("steps")
        if steps is None:
            self.warn(f"{name!r} has no steps; skipped.", item.at())
            return None
        if not isinstance(steps, List):
            at = item.at("steps")
            raise DataError(f"The steps of {name!r} must be a list.", file=at.file, line=at.line)
        out: list[Step] = []
        for index, step in enumerate(steps):
            out += self._step(step, steps.at(index), first=index == 0)
        return tuple(out)

    def _step(self, step: Any, at: Source, *, first: bool) -> list[Step]:
        kind = next((key for key in STEP_KEYS if isinstance(step, Map) and key in step), None)
        if kind is None:
            raise DataError(
                f"This step is of no known kind: {json.dumps(step, ensure_ascii=False, default=str)}.",
                hint=f"A step has one of {', '.join(STEP_KEYS)}.",
                file=at.file,
                line=at.line,
            )
        _check_keys(step, STEP_KEYS[kind], f"{kind} step")
        if kind in ("user", "intent"):
            return [self._user(step)]
        if kind == "or":
            return [self._or(step)]
        if kind == "action":
            return [_action(step)]
        if kind == "bot":
            return [ActionStep(text=str(step["bot"]), source=step.at("bot"))]
        if kind == "checkpoint":
            return self._checkpoint(step, first)
        if kind == "slot_was_set":
            return list(self._slots(step))
        return [_loop(step)] if kind == "active_loop" else []

    def _user(self, step: Map) -> UserStep:
        at = step.at("intent" if "intent" in step else "user")
        text: str | None = None
        spans: tuple[EntitySpan, ...] = ()
        entities = self._entities(step)
        if "user" in step:
            plain, spans = parse_markup(str(step["user"]).strip(), step.at("user"))
            text = plain
            entities = tuple(_label(span.as_dict()) for span in spans)
            if plain.startswith("/"):
                entities = _shortcut_entities(plain)
        if "intent" not in step:
            if text is not None and text.startswith("/"):
                name = text[1:].partition("{")[0].strip()
                return UserStep(intent=name, text=text, entities=entities, source=at)
            return UserStep(text=text, entities=entities, spans=spans, source=at)
        intent, full = self._intent(step, at)
        return UserStep(intent, text, entities, spans, full, at)

    def _intent(self, step: Map, at: Source) -> tuple[str, str | None]:
        name = str(step["intent"] or "").strip()
        if not name:
            raise DataError(
                "The intent has no name.", hint="Write `- intent: name`.", file=at.file, line=at.line
            )
        if name.startswith("/"):
            self.warn(f"The intent {name!r} begins with '/', which is left out.", at)
            name = name[1:]
        base, slash, _ = name.partition("/")
        if slash and not self.is_test:
            self.warn(f"A story can only name the retrieval intent {base!r}, not {name!r}.", at)
        return base, name if slash else None

    def _entities(self, step: Map) -> tuple[Mapping[str, Any], ...]:
        entities = step.get("entities") or List()
        if not isinstance(entities, List):
            at = step.at("entities")
            raise DataError("`entities:` must be a list.", file=at.file, line=at.line)
        return tuple(_entity(item, entities.at(index)) for index, item in enumerate(entities))

    def _or(self, step: Map) -> OrStep:
        at = step.at("or")
        items = step["or"]
        if not isinstance(items, List):
            raise DataError("`or:` must be a list of steps.", file=at.file, line=at.line)
        alternatives: list[UserStep | SlotStep] = []
        for index, item in enumerate(items):
            where = items.at(index)
            if isinstance(item, Map) and ("intent" in item or "user" in item):
                alternatives.append(self._user(item))
            elif isinstance(item, Map) and "slot_was_set" in item:
                alternatives += self._slots(item)
            else:
                raise DataError(
                    "`or:` may hold intents or `slot_was_set`, nothing else.",
                    file=where.file,
                    line=where.line,
                )
        return OrStep(tuple(alternatives), at)

    def _checkpoint(self, step: Map, first: bool) -> list[Step]:
        slots = self._slots(step) if "slot_was_set" in step else []
        at = step.at("slot_was_set")
        if any(not slot.has_value for slot in slots):
            self.warn("A condition of a checkpoint needs a value; the checkpoint is left out.", at)
            return []
        if slots and not first:
            self.warn("A checkpoint can have conditions only as the first step.", at)
            slots = []
        conditions = tuple((slot.name, slot.value) for slot in slots)
        return [CheckpointStep(str(step["checkpoint"]), conditions, step.at("checkpoint"))]

    def _slots(self, step: Map) -> list[SlotStep]:
        slots, at = step["slot_was_set"], step.at("slot_was_set")
        if isinstance(slots, Map):
            return [SlotStep(name, value, source=slots.at(name)) for name, value in slots.items()]
        if not isinstance(slots, List):
            raise DataError(
                "`slot_was_set:` must be a list.",
                hint="Write `- name: value` below it.",
                file=at.file,
                line=at.line,
            )
        out: list[SlotStep] = []
        for index, item in enumerate(slots):
            where = slots.at(index)
            if isinstance(item, str):
                out.append(SlotStep(item, has_value=False, source=where))
            elif isinstance(item, Map):
                out += [SlotStep(name, value, source=item.at(name)) for name, value in item.items()]
            else:
                raise DataError(
                    f"{item!r} is neither a slot nor `slot: value`.", file=where.file, line=where.line
                )
        return out


def _loop(step: Map) -> LoopStep:
    name = step["active_loop"]
    return LoopStep(None if name is None else str(name), step.at("active_loop"))


def _action(step: Map) -> Step:
    name, at = str(step["action"] or "").strip(), step.at("action")
    if not name:
        raise DataError("The action has no name.", hint="Write `- action: name`.", file=at.file, line=at.line)
    return EventStep(name, at) if name in KINDS else ActionStep(name, source=at)


def _entity(item: Any, at: Source) -> Mapping[str, Any]:
    if isinstance(item, str):
        return {"entity": item, "value": ""}
    if isinstance(item, Map):
        names = [key for key in item if key not in ("role", "group", "value", "start", "end")]
        if len(names) == 1:
            extra = {key: item[key] for key in ("role", "group") if key in item}
            return {"entity": names[0], "value": item[names[0]], **extra}
    raise DataError(
        f"{item!r} is no entity.",
        hint="Write `- city: Berlin`, with `role:` and `group:` beside it if needed.",
        file=at.file,
        line=at.line,
    )


def _label(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entity[key] for key in ("entity", "value", "role", "group", "start", "end") if key in entity}


def _shortcut_entities(text: str) -> tuple[Mapping[str, Any], ...]:
    """Entities of `/intent{"name": value}`."""
    _, brace, rest = text.partition("{")
    if not brace:
        return ()
    try:
        data = json.loads(brace + rest)
    except json.JSONDecodeError:
        return ()
    values = [(key, one) for key, v in data.items() for one in (v if isinstance(v, list) else [v])]
    return tuple({"entity": key, "value": value} for key, value in values)


def _check_keys(item: Map, known: set[str], what: str) -> None:
    for key in item:
        if key not in known:
            at = item.at(key)
            raise DataError(
                f"The key {key!r} is not known in a {what}.",
                hint=f"Known: {', '.join(sorted(known))}.",
                file=at.file,
                line=at.line,
            )
