"""Entity spans as tags of words, and back.

A tag is `B-x` or `I-x` (begin, inside) or `O`, where x is `entity`, `entity|role|group`. Roles and groups are part of
the tag, so that one sequence model finds all three; their confidences are sums over tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.core.training_data import EntitySpan
from shoptalk.nlu.message import Token

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an entity is: type, role, group."""

    entity: str
    role: str | None = None
    group: str | None = None

    def label(self) -> str:
        """As part of a tag."""
        return "|".join((self.entity, self.role or "", self.group or ""))

    @classmethod
    def parse(cls, label: str) -> Kind:
        """From part of a tag."""
        entity, role, group = label.rsplit("|", 2)
        return cls(entity, role or None, group or None)


def tag_names(spans: Iterable[EntitySpan]) -> list[str]:
    """All tags that annotated spans need, `O` first, in a stable order."""
    labels = sorted({Kind(s.entity, s.role, s.group).label() for s in spans})
    return [OUTSIDE, *[f"{prefix}-{label}" for label in labels for prefix in "BI"]]


def allowed_moves(tags: Sequence[str]) -> NDArray[np.bool_]:
    """(K, K) True where the second tag may follow the first: `I-x` only after `B-x` or `I-x`."""
    out = np.ones((len(tags), len(tags)), np.bool_)
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            out[:, column] = [other in (f"B-{tag[2:]}", tag) for other in tags]
    return out


def encode_spans(tokens: Sequence[Token], spans: Iterable[EntitySpan], tags: dict[str, int]) -> list[int]:
    """The tag number of each token; where spans overlap the first one counts."""
    out = [0] * len(tokens)
    for span in spans:
        label = Kind(span.entity, span.role, span.group).label()
        inside = [i for i, token in enumerate(tokens) if token.start < span.end and token.end > span.start]
        if any(out[i] for i in inside):
            continue
        for order, i in enumerate(inside):
            out[i] = tags[f"{'I' if order else 'B'}-{label}"]
    return out


def decode_spans(
    text: str,
    tokens: Sequence[Token],
    tags: Sequence[str],
    best: Sequence[int],
    marginals: NDArray[Any],
    extractor: str,
) -> list[dict[str, Any]]:
    """Entities as Rasa writes them; the confidence of several words is the lowest."""
    found: list[tuple[Kind, list[int]]] = []
    for place, number in enumerate(best):
        tag = tags[number]
        if tag == OUTSIDE:
            continue
        kind = Kind.parse(tag[2:])
        if tag.startswith("I-") and found and found[-1][0] == kind and found[-1][1][-1] == place - 1:
            found[-1][1].append(place)
        else:
            found.append((kind, [place]))
    members = _members(tags)
    return [_entity(text, tokens, kind, places, marginals, members, extractor) for kind, places in found]


def _members(tags: Sequence[str]) -> dict[tuple[str, str | None], list[int]]:
    """Numbers of the tags that say (what, name): ("entity", "color"), ("role", "old") …"""
    out: dict[tuple[str, str | None], list[int]] = {}
    for number, tag in enumerate(tags):
        if tag != OUTSIDE:
            kind = Kind.parse(tag[2:])
            for what in ("entity", "role", "group"):
                out.setdefault((what, getattr(kind, what)), []).append(number)
    return out


def _entity(
    text: str,
    tokens: Sequence[Token],
    kind: Kind,
    places: Sequence[int],
    marginals: NDArray[Any],
    members: dict[tuple[str, str | None], list[int]],
    extractor: str,
) -> dict[str, Any]:
    start, end = tokens[places[0]].start, tokens[places[-1]].end
    out: dict[str, Any] = {"entity": kind.entity, "start": start, "end": end}
    for what in ("entity", "role", "group"):
        name = getattr(kind, what)
        if name is not None:
            sure = marginals[np.asarray(places)][:, members[what, name]].sum(axis=1).min()
            if what != "entity":
                out[what] = name
            out[f"confidence_{what}"] = min(1.0, float(sure))
    out["value"] = text[start:end]
    out["extractor"] = extractor
    return out
