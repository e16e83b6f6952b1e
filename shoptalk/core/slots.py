"""Slot types: typed memory of a conversation, and how each is turned into numbers for policies.

A slot type is a function `(slot, value) -> features`; an all-zero vector means "says nothing".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shoptalk.core.training_data import NOWHERE, Source
from shoptalk.errors import DataError

Features = tuple[float, ...]
OTHER = "__other__"
"""Appended to the values of a categorical slot; stands for all that are not listed."""

REQUESTED_SLOT = "requested_slot"
SESSION_METADATA_SLOT = "session_started_metadata"


@dataclass(frozen=True, slots=True)
class SlotMapping:
    """One way a slot is filled from what the user says.

    Args:
        type: from_entity, from_text, from_intent, from_trigger_intent or custom.
        raw: the mapping as written; two mappings are the same when this is equal.
    """

    type: str
    raw: Mapping[str, Any] = field(default_factory=dict)

    def names(self, key: str) -> tuple[str, ...]:
        """The values of `intent` or `not_intent`, which may be one name or a list."""
        value = self.raw.get(key)
        if value is None:
            return ()
        return tuple(value) if isinstance(value, list | tuple) else (str(value),)

    @property
    def conditions(self) -> tuple[Mapping[str, Any], ...]:
        """When the mapping applies: `active_loop` and `requested_slot`; any one suffices."""
        return tuple(self.raw.get("conditions") or ())


@dataclass(frozen=True, slots=True)
class Slot:
    """What the domain says of a slot.

    Args:
        name, type: as in the domain; a type that is not built in is the dotted path of a user's class.
        influence_conversation: whether policies see it.
        values: of a categorical slot, lower-cased, `__other__` last.
        min_value, max_value: of a float slot.
        feature: the featuriser of a user's own type.
    """

    name: str
    type: str = "any"
    initial_value: Any = None
    mappings: tuple[SlotMapping, ...] = ()
    influence_conversation: bool = True
    values: tuple[str, ...] = ()
    min_value: float = 0.0
    max_value: float = 1.0
    source: Source = field(default=NOWHERE, compare=False)
    feature: Callable[[Slot, Any], Features] | None = field(default=None, compare=False)

    def features(self, value: Any) -> Features:
        """The vector policies see for a value; empty when the slot does not influence the conversation."""
        if not self.influence_conversation:
            return ()
        if self.feature is not None:
            return self.feature(self, value)
        return FEATURIZERS[self.type](self, value)

    @property
    def dimension(self) -> int:
        """Length of `features`."""
        return len(self.features(None))

    def stored(self, value: Any) -> Any:
        """The value as it is kept: a list slot wraps a single value."""
        if self.type == "list" and value and not isinstance(value, list):
            return [value]
        return value


def as_bool(value: Any) -> bool:
    """The truth a bool slot's value stands for.

    Raises:
        ValueError, TypeError: it stands for none.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value == 1
    if isinstance(value, str):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value.isnumeric():
            return float(value) == 1
    raise TypeError(value)


def _text(slot: Slot, value: Any) -> Features:
    return (1.0,) if value is not None else (0.0,)


def _bool(slot: Slot, value: Any) -> Features:
    try:
        return (1.0, float(as_bool(value))) if value is not None else (0.0, 0.0)
    except (ValueError, TypeError):
        return (0.0, 0.0)


def _float(slot: Slot, value: Any) -> Features:
    try:
        capped = max(slot.min_value, min(slot.max_value, float(value)))
    except (ValueError, TypeError):
        return (0.0, 0.0)
    span = slot.max_value - slot.min_value
    return (1.0, (capped - slot.min_value) / span if span > 0 else 1.0)


def _list(slot: Slot, value: Any) -> Features:
    try:
        return (1.0,) if value is not None and len(value) > 0 else (0.0,)
    except TypeError:
        return (0.0,)


def _categorical(slot: Slot, value: Any) -> Features:
    out = [0.0] * len(slot.values)
    if value is not None and slot.values:
        wanted = str(value).lower()
        out[slot.values.index(wanted) if wanted in slot.values else len(out) - 1] = 1.0
    return tuple(out)


def _nothing(slot: Slot, value: Any) -> Features:
    return ()


FEATURIZERS: dict[str, Callable[[Slot, Any], Features]] = {
    "text": _text,
    "bool": _bool,
    "float": _float,
    "list": _list,
    "categorical": _categorical,
    "any": _nothing,
}

RASAS_CLASSES = {
    "TextSlot": "text",
    "BooleanSlot": "bool",
    "FloatSlot": "float",
    "ListSlot": "list",
    "CategoricalSlot": "categorical",
    "AnySlot": "any",
}
"""Types that are named by where Rasa's own code has them, as `rasa.shared.core.slots.TextSlot`."""


def make_slot(
    name: str, spec: Mapping[str, Any], mappings: tuple[SlotMapping, ...], source: Source = NOWHERE
) -> Slot:
    """The slot a domain entry describes.

    Args:
        name: the slot's name.
        spec: its body in the domain, without the mappings.
        mappings: how it is filled.
        source: where it stands.

    Raises:
        DataError: the type is unknown or a key does not fit it.
    """
    kind = str(spec.get("type", "any"))
    kind = RASAS_CLASSES.get(kind.rpartition(".")[2], kind) if kind.startswith("rasa.") else kind
    feature = None if kind in FEATURIZERS else _user_type(name, kind, spec, source)
    influence = bool(spec.get("influence_conversation", kind != "any"))
    if kind == "any" and influence:
        raise DataError(
            f"Slot {name!r} is of type any and cannot influence the conversation.",
            hint="Remove `influence_conversation: true`, or give it another type.",
            file=source.file,
            line=source.line,
        )
    low, high = float(spec.get("min_value", 0.0)), float(spec.get("max_value", 1.0))
    if kind == "float" and low >= high:
        raise DataError(
            f"Slot {name!r}: min_value {low} is not below max_value {high}.",
            file=source.file,
            line=source.line,
        )
    values = tuple(str(v).lower() for v in spec.get("values") or () if v is not None)
    if kind == "categorical" and OTHER not in values:
        values = (*values, OTHER)
    return Slot(
        name=name,
        type=kind,
        initial_value=spec.get("initial_value"),
        mappings=mappings,
        influence_conversation=influence,
        values=values,
        min_value=low,
        max_value=high,
        source=source,
        feature=feature,
    )


def _user_type(
    name: str, kind: str, spec: Mapping[str, Any], source: Source
) -> Callable[[Slot, Any], Features]:
    """A slot type of the user's own: a class with `as_feature(value) -> list of numbers`."""
    from shoptalk.registry import load_dotted

    if "." not in kind:
        raise DataError(
            f"Slot {name!r} has the unknown type {kind!r}.",
            hint=f"Use one of {', '.join(sorted(FEATURIZERS))}, or the dotted path of your own class.",
            file=source.file,
            line=source.line,
        )
    made = load_dotted(kind)
    if not isinstance(made, type) or not hasattr(made, "as_feature"):
        raise DataError(
            f"The type {kind!r} of slot {name!r} is no class with a method `as_feature`.",
            hint="Write such a class; anything else is not called.",
            file=source.file,
            line=source.line,
        )
    built = made(name=name, **{k: v for k, v in spec.items() if k not in ("type", "mappings")})
    return lambda slot, value: tuple(float(x) for x in built.as_feature(value))
