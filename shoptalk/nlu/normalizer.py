"""EntityNormalizer: what an action can use, beside what the shopper wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.component import ENTITIES
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.values.money import NOT_OVER

NAME = "EntityNormalizer"

Value = dict[str, Any]

NEAR = 40
"""Characters beside an entity in which a limit may stand."""

_MONEY_EDGES = (
    re.compile(
        rf"(?:(?:{NOT_OVER})(?: than)?|\b(?:(?:no|not) less than|(?:more|less|cheaper) than|under|below|max(?:imum)?|up to|at (?:most|least)"
        r"|within|over|above|min(?:imum)?|around|about|roughly|approx\.?)|~|(?:不超过|不低于|不高于|不少于|低于|高于|最多|至少|顶多|少于|"
        r"不到|超过|大概|大约|差不多|起码))\s*$",
        re.IGNORECASE,
    ),
    re.compile(r"\s*(?:以内|以下|之内|以上|左右|上下|or less|max|at most|or more|ish)", re.IGNORECASE),
)
_TIME_EDGES = (
    re.compile(r"\b(?:by|before|until|till|after|since|no later than)(?: the)?\s*$", re.IGNORECASE),
    re.compile(r"\s*(?:之前|以前|前(?![面天])|之后|以后|后(?![面天])|以来)"),
)
_EDGES = {"money": _MONEY_EDGES, "time": _TIME_EDGES}

DEFAULT_KINDS = {
    "date": "time",
    "time": "time",
    "price": "money",
    "money": "money",
    "amount": "money",
    "budget": "money",
    "quantity": "number",
    "number": "number",
    "order_id": "identifier",
    "email": "email",
    "phone": "phone",
    "size": "size",
    "color": "color",
    "colour": "color",
}

DEFAULTS: dict[str, Any] = {
    "entities": {},
    "replace": [],
    "timezone": "UTC",
    "currency": None,
    "country": None,
    "month_first": False,
}


class EntityNormalizer:
    """Adds `additional_info` to entities, in the shape that Duckling gives and Rasa's extractor of it keeps.

    An entity whose words mean nothing to the reader of its kind stays as it is. `value` stays what it was, but for
    the entities that `replace` names: theirs becomes the normalised one, or `{"to": …, "from": …}` of an interval.

    Keys: `entities` (entity to kind: time, money, number, identifier, email, phone, size, color, or `none`; added to
    DEFAULT_KINDS), `replace` (names of entities), `timezone` (such as Europe/Berlin), `currency` (of amounts without
    one), `country` (of phone numbers without one), `month_first` (4/5 is the fifth of April).
    """

    requires: ClassVar[tuple[str, ...]] = (ENTITIES,)
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._zone = _zone(self.options["timezone"])
        self._kinds = {**DEFAULT_KINDS, **self.options["entities"]}
        unknown = sorted({str(kind) for kind in self._kinds.values()} - {*_READERS, "none"})
        if unknown:
            raise ConfigError(
                f"config.yml: {NAME} has the kind {unknown[0]!r}.",
                hint=f"One of: {', '.join(sorted(_READERS))}, none.",
            )

        if isinstance(self.options["replace"], str):
            raise ConfigError(
                f"config.yml: {NAME} has replace: {self.options['replace']!r}.",
                hint="Give a list: [order_id].",
            )

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Write `additional_info`, and `value` where that is wished."""
        for message in messages:
            for entity in message.entities:
                kind = self._kinds.get(entity["entity"], "none")
                if kind == "none" or "additional_info" in entity:
                    continue
                value = self._read(kind, entity, message)
                if value is None:
                    continue
                entity["additional_info"] = value
                if entity["entity"] in self.options["replace"]:
                    entity["value"] = plain_value(value)
                entity.setdefault("processors", []).append(NAME)

    def _read(self, kind: str, entity: dict[str, Any], message: Message) -> Value | None:
        start, end = int(entity["start"]), int(entity["end"])
        written = message.text[start:end]
        texts = [written, str(entity["value"])]
        if kind in _EDGES:
            texts.insert(0, widened(message.text, start, end, *_EDGES[kind]))
        # A project's own synonym for a colour or a size knows better than the table here.
        if kind in ("size", "color") and entity.get("processors"):
            texts.reverse()
        for text in dict.fromkeys(texts):
            value = _READERS[kind](self, text, message)
            if value is not None:
                return value
        return None

    def now(self, message: Message) -> datetime:
        """When a message was written, in the project's time zone."""
        if message.time_ms is not None:
            return datetime.fromtimestamp(message.time_ms / 1000, self._zone)
        return datetime.now(self._zone)

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)


def plain_value(value: Value) -> Any:
    """What Rasa's Duckling extractor takes for `value`: the bare value, or `to` and `from` of an interval."""
    if value["type"] == "interval":
        return {edge: (value.get(edge) or {}).get("value") for edge in ("to", "from")}
    return value["value"]


def widened(text: str, start: int, end: int, before: re.Pattern[str], after: re.Pattern[str]) -> str:
    """An entity with the words beside it that make it a limit: `under [80 euros]`, `[周五]之前`."""
    left = before.search(text[max(0, start - NEAR) : start])
    right = after.match(text[end : end + NEAR])
    return (left.group() if left else "") + text[start:end] + (right.group() if right else "")


def _zone(name: str) -> Any:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"config.yml: {NAME} has timezone: {name!r}.",
            hint="Write a name of the IANA list, such as Europe/Berlin.",
        ) from error


def _time(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.times import read_time

    now = component.now(message)
    return read_time(text, now, message.text, month_first=component.options["month_first"])


def _money(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.money import read_money

    return read_money(text, component.options["currency"])


def _number(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.money import read_number

    return read_number(text)


def _identifier(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.identity import read_identifier

    return read_identifier(text)


def _email(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.identity import read_email

    return read_email(text)


def _phone(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.identity import read_phone

    return read_phone(text, component.options["country"])


def _size(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.wear import read_size

    return read_size(text)


def _color(component: EntityNormalizer, text: str, message: Message) -> Value | None:
    from shoptalk.nlu.values.wear import read_color

    return read_color(text)


_READERS: dict[str, Callable[[EntityNormalizer, str, Message], Value | None]] = {
    "time": _time,
    "money": _money,
    "number": _number,
    "identifier": _identifier,
    "email": _email,
    "phone": _phone,
    "size": _size,
    "color": _color,
}
