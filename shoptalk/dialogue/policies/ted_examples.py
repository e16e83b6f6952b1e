"""What a dialogue network learns from: training conversations, cut into windows or whole, none of them twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shoptalk.core.events import ActionExecuted, UserUttered
from shoptalk.dialogue.policies.ted_features import Vocabulary
from shoptalk.dialogue.states import State, States
from shoptalk.dialogue.training_trackers import TrainingTracker

if TYPE_CHECKING:
    from shoptalk.networks.ted_training import Examples


@dataclass(frozen=True, slots=True)
class Row:
    """An example before it becomes numbers.

    Args:
        states: as they happened.
        labels: of what follows the last state, or of what follows each of them.
        by_chance: it comes from stories that were joined by chance.
    """

    states: States
    labels: tuple[int, ...]
    by_chance: bool


def windows(trackers: Iterable[TrainingTracker], places: Mapping[str, int], width: int) -> list[Row]:
    """Each action that can be learnt, after at most `width` states; each pair once."""
    rows: dict[tuple[States, int], Row] = {}
    for tracker in trackers:
        states = tuple(tracker.states)
        for decision in tracker.decisions:
            if decision.predictable and decision.action in places:
                end, label = decision.position + 1, places[decision.action]
                seen = states[max(0, end - width) : end]
                rows.setdefault((seen, label), Row(seen, (label,), tracker.is_augmented))
    return list(rows.values())


def whole(trackers: Iterable[TrainingTracker], places: Mapping[str, int], nothing: int) -> list[Row]:
    """Each conversation with something to learn, once; `nothing` is the label of what cannot be learnt."""
    rows: dict[tuple[States, tuple[int, ...]], Row] = {}
    for tracker in trackers:
        decisions = tracker.decisions
        states = tuple(tracker.states[: len(decisions)])
        labels = tuple(places.get(d.action, nothing) if d.predictable else nothing for d in decisions)
        if any(label != nothing for label in labels):
            rows.setdefault((states, labels), Row(states, labels, tracker.is_augmented))
    return list(rows.values())


def expectations(
    trackers: Iterable[TrainingTracker], intents: Container[str], width: int
) -> tuple[dict[States, set[str]], set[States]]:
    """Which intents come after which states, and which of these states only conversations made by chance have."""
    expected: dict[States, set[str]] = defaultdict(set)
    told: set[States] = set()
    for tracker in trackers:
        states = tuple(tracker.states)
        acted = 0
        for event in tracker.events:
            acted += isinstance(event, ActionExecuted)
            if isinstance(event, UserUttered) and event.intent_name in intents:
                before = states[max(0, acted - width) : acted]
                expected[before].add(str(event.intent_name))
                if not tracker.is_augmented:
                    told.add(before)
    return dict(expected), set(expected) - told


def as_examples(
    rows: Sequence[Row],
    labels: np.ndarray,
    vocabulary: Vocabulary,
    texts: Mapping[str, np.ndarray],
    *,
    newest_first: bool,
) -> Examples:
    """Rows as numbers.

    Args:
        rows: what is learnt.
        labels: of the rows, as `Examples` wants them.
        vocabulary, texts: what states and texts look like.
        newest_first: the order in which the network reads.
    """
    from shoptalk.networks.ted import NO_MOMENT
    from shoptalk.networks.ted_training import Examples

    known: dict[State, int] = {}
    moments = np.full((len(rows), max(len(row.states) for row in rows)), NO_MOMENT, np.int64)
    for place, row in enumerate(rows):
        numbers = [known.setdefault(state, len(known)) for state in row.states]
        moments[place, : len(numbers)] = numbers[::-1] if newest_first else numbers
    by_chance = np.array([row.by_chance for row in rows])
    return Examples(vocabulary.encode(list(known), texts), moments, labels, by_chance)


def whole_labels(rows: Sequence[Row], nothing: int) -> np.ndarray:
    """Labels of whole conversations, filled up with `nothing`. Shapes: (N, D)"""
    out = np.full((len(rows), max(len(row.labels) for row in rows)), nothing, np.int64)
    for place, row in enumerate(rows):
        out[place, : len(row.labels)] = row.labels
    return out
