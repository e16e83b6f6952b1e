"""Dialogue states as numbers, for networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from shoptalk.core.domain import Domain
from shoptalk.dialogue.policies.base import FeaturizeText
from shoptalk.dialogue.states import State


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which place of a vector stands for what.

    Args:
        intents, actions, entities, loops: names; `actions` without end-to-end texts.
        slots: name → first place and width of its features.
        text_width: of vectors of texts; 0 when texts play no part.
    """

    intents: Mapping[str, int]
    actions: Mapping[str, int]
    entities: Mapping[str, int]
    loops: Mapping[str, int]
    slots: Mapping[str, tuple[int, int]]
    text_width: int = 0

    @classmethod
    def of(cls, domain: Domain, text_width: int) -> Self:
        """The vocabulary of a domain."""
        slots: dict[str, tuple[int, int]] = {}
        place = 0
        for name, slot in sorted(domain.all_slots.items()):
            if slot.dimension:
                slots[name] = (place, slot.dimension)
                place += slot.dimension
        texts = set(domain.e2e_actions)
        return cls(
            _places(sorted(domain.intent_names)),
            _places(name for name in domain.action_names if name not in texts),
            _places(sorted(domain.entity_labels)),
            _places(domain.forms),
            slots,
            text_width,
        )

    @property
    def widths(self) -> dict[str, int]:
        """Width of each part of a turn."""
        return {
            "intent": len(self.intents),
            "text": self.text_width,
            "action_name": len(self.actions),
            "action_text": self.text_width,
            "entities": len(self.entities),
            "slots": sum(width for _, width in self.slots.values()),
            "active_loop": len(self.loops),
        }

    def encode(self, states: Sequence[State], texts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Features of each part of each state.

        What the user said counts only in the state right after the assistant listened.

        Args:
            states: of a conversation. Shapes: (D,).
            texts: vectors of end-to-end texts.

        Returns:
            Shapes: {part: (D, F)}
        """
        out = {part: np.zeros((len(states), width), np.float32) for part, width in self.widths.items()}
        for turn, state in enumerate(states):
            if state.after_listen:
                _mark(out["intent"][turn], self.intents, [state.intent])
                _mark(out["entities"][turn], self.entities, state.entities)
                _put(out["text"], turn, texts, state.text)
            _mark(out["action_name"][turn], self.actions, [state.action])
            _put(out["action_text"], turn, texts, state.action_text)
            _mark(out["active_loop"][turn], self.loops, [state.loop])
            for name, value in state.slots:
                place, width = self.slots.get(name, (0, 0))
                if width == len(value) and not isinstance(value, str):
                    out["slots"][turn, place : place + width] = value
        return out

    def encode_labels(self, domain: Domain, texts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Features of every action of the domain. Shapes: {part: (A, F)}"""
        names = np.zeros((len(domain.action_names), len(self.actions)), np.float32)
        vectors = np.zeros((len(domain.action_names), self.text_width), np.float32)
        for place, name in enumerate(domain.action_names):
            _mark(names[place], self.actions, [name])
            if self.text_width and name not in self.actions and name in texts:
                vectors[place] = texts[name]
        out = {"label_action_name": names}
        if self.text_width:
            out["label_action_text"] = vectors
        return out

    def as_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            "intents": list(self.intents),
            "actions": list(self.actions),
            "entities": list(self.entities),
            "loops": list(self.loops),
            "slots": {name: list(place) for name, place in self.slots.items()},
            "text_width": self.text_width,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The vocabulary a JSON form stands for."""
        return cls(
            _places(data["intents"]),
            _places(data["actions"]),
            _places(data["entities"]),
            _places(data["loops"]),
            {name: (int(place), int(width)) for name, (place, width) in data["slots"].items()},
            int(data["text_width"]),
        )


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _mark(vector: np.ndarray, places: Mapping[str, int], names: Iterable[str | None]) -> None:
    for name in names:
        if name is not None and name in places:
            vector[places[name]] = 1.0


def _put(rows: np.ndarray, turn: int, texts: Mapping[str, np.ndarray], text: str | None) -> None:
    if rows.shape[1] and text is not None and text in texts:
        rows[turn] = texts[text]


class Texts:
    """Vectors of the texts of end-to-end stories, and of others in the same form.

    Only columns that a text of a story uses are kept: of the others a network learns nothing, and what it made of
    them by chance would make any text look like some.

    Args:
        known: vectors by text, cut to their columns. Shapes: (F,) each.
        columns: places of the featuriser's vectors that are kept.
    """

    def __init__(
        self, known: Mapping[str, np.ndarray] | None = None, columns: np.ndarray | None = None
    ) -> None:
        self.known = dict(known or {})
        self.columns = np.zeros(0, np.int64) if columns is None else columns
        self.featurize: FeaturizeText | None = None

    @classmethod
    def of(cls, texts: Iterable[str], featurize: FeaturizeText | None) -> Self:
        """Those of stories; none without a featuriser."""
        wanted = sorted(set(texts))
        out = cls()
        out.featurize = featurize
        if wanted and featurize is not None:
            vectors = np.asarray(featurize(wanted), np.float32)
            out.columns = np.flatnonzero(vectors.any(axis=0))
            out.known = dict(zip(wanted, vectors[:, out.columns], strict=True))
        return out

    @property
    def width(self) -> int:
        """Of the vectors; 0 when texts play no part."""
        return len(self.columns)

    def vectors(self, states: Iterable[State]) -> Mapping[str, np.ndarray]:
        """Vectors of all texts that states have, and perhaps of more."""
        if not self.width:
            return {}
        wanted = {text for state in states for text in (state.text, state.action_text) if text}
        missing = sorted(wanted - set(self.known))
        if not missing or self.featurize is None:
            return self.known
        found = np.asarray(self.featurize(missing), np.float32)[:, self.columns]
        return {**self.known, **dict(zip(missing, found, strict=True))}
