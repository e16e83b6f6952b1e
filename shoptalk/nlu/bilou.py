"""Entity tags in Rasa's way: one sequence of tags for types, one for roles, one for groups.

With BILOU a tag says begin, inside, last or unit of an entity; without, it is the bare name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.core.training_data import EntitySpan
from shoptalk.nlu.message import Token

OUTSIDE = "O"
FAMILIES = ("entity", "role", "group")
_FOLLOWS = {"B": "IL", "I": "IL", "L": "BUO", "U": "BUO", "O": "BUO"}


@dataclass(frozen=True, slots=True)
class TagSet:
    """Tags of one family; `names` are the bare names, `tags` all tags with `O` first."""

    names: tuple[str, ...]
    bilou: bool

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags, `O` first."""
        if not self.bilou:
            return (OUTSIDE, *self.names)
        return (OUTSIDE, *(f"{prefix}-{name}" for name in self.names for prefix in "BILU"))

    def moves(self) -> NDArray[np.bool_]:
        """(K, K) True where the second tag may follow the first."""
        tags = self.tags
        if not self.bilou:
            return np.ones((len(tags), len(tags)), np.bool_)
        return np.asarray([[_may_follow(a, b) for b in tags] for a in tags], np.bool_)


def _may_follow(before: str, after: str) -> bool:
    if after[0] not in _FOLLOWS[before[0]]:
        return False
    return before[0] not in "BI" or before[2:] == after[2:]


def tag_sets(spans: Sequence[EntitySpan], bilou: bool) -> dict[str, TagSet]:
    """The families that occur in annotated spans."""
    out: dict[str, TagSet] = {}
    for family in FAMILIES:
        names = sorted({name for span in spans if (name := getattr(span, family)) is not None})
        if names:
            out[family] = TagSet(tuple(names), bilou)
    return out


def encode(tokens: Sequence[Token], spans: Sequence[EntitySpan], family: str, tag_set: TagSet) -> list[int]:
    """The tag number of each token."""
    numbers = {tag: number for number, tag in enumerate(tag_set.tags)}
    out = [0] * len(tokens)
    for span in spans:
        name = getattr(span, family)
        inside = [i for i, token in enumerate(tokens) if token.start < span.end and token.end > span.start]
        if name is None:
            continue
        for order, place in enumerate(inside):
            tag = f"{_prefix(order, len(inside))}-{name}" if tag_set.bilou else name
            out[place] = numbers[tag]
    return out


def _prefix(order: int, count: int) -> str:
    if count == 1:
        return "U"
    return "B" if order == 0 else "L" if order == count - 1 else "I"


@dataclass(frozen=True, slots=True)
class Tagged:
    """Tags of one family for each token, with confidences."""

    tags: Sequence[str]
    confidences: Sequence[float]


def decode(
    text: str,
    tokens: Sequence[Token],
    found: Mapping[str, Tagged],
    split_by_comma: bool | Mapping[str, bool],
    extractor: str,
) -> list[dict[str, Any]]:
    """Entities as Rasa builds them.

    Args:
        text: the message.
        tokens: its words.
        found: tags of the family "entity", and of "role" and "group" where there are any.
        split_by_comma: whether words of one type that stand apart are entities of their own.
        extractor: name to write.
    """
    out: list[dict[str, Any]] = []
    last_tag, last_extra, last_end = OUTSIDE, ("", ""), -1
    for place, token in enumerate(tokens):
        tag = found["entity"].tags[place]
        if tag == OUTSIDE:
            last_tag = OUTSIDE
            continue
        extra = (_bare(_at(found, "role", place)), _bare(_at(found, "group", place)))
        split = _splits(split_by_comma, _bare(tag))
        starts = _starts(tag, last_tag, extra != last_extra) or _apart(last_end, token.start, split)
        if starts or not out:
            out.append(_new(token, place, found, extractor))
        else:
            _extend(out[-1], token, place, found)
        last_tag, last_extra, last_end = tag, extra, token.end
    for entity in out:
        entity["value"] = text[entity["start"] : entity["end"]]
        entity["extractor"] = entity.pop("extractor")
    return out


def _starts(tag: str, last: str, extra_changed: bool) -> bool:
    if last == OUTSIDE or extra_changed or _bare(tag) != _bare(last):
        return True
    return tag[:2] in ("B-", "U-")


def _apart(last_end: int, start: int, split: bool) -> bool:
    return start - last_end > (1 if split else 3)


def _splits(setting: bool | Mapping[str, bool], name: str) -> bool:
    if isinstance(setting, Mapping):
        return setting.get(name, True)
    return setting


def _at(found: Mapping[str, Tagged], family: str, place: int) -> str:
    return found[family].tags[place] if family in found else OUTSIDE


def _bare(tag: str) -> str:
    return tag[2:] if tag[1:2] == "-" and tag[0] in "BILU" else tag


def _new(token: Token, place: int, found: Mapping[str, Tagged], extractor: str) -> dict[str, Any]:
    entity: dict[str, Any] = {"start": token.start, "end": token.end, "extractor": extractor}
    for family in FAMILIES:
        name = _bare(_at(found, family, place))
        if name != OUTSIDE:
            entity[family] = name
            entity[f"confidence_{family}"] = float(found[family].confidences[place])
    return entity


def _extend(entity: dict[str, Any], token: Token, place: int, found: Mapping[str, Tagged]) -> None:
    entity["end"] = token.end
    for family in FAMILIES:
        key = f"confidence_{family}"
        if key in entity:
            entity[key] = min(entity[key], float(found[family].confidences[place]))
