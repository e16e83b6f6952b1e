"""Training data divided into a part for training and one for tests."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shoptalk.core.training_data import Example, TrainingData


def full_intent(example: Example) -> str:
    """The whole intent of an example, with the key of a retrieval intent."""
    return example.response_key or example.intent or ""


def split_data(data: TrainingData, fraction: float, seed: int | None) -> tuple[TrainingData, TrainingData]:
    """Two parts of training data, each intent divided by the same fraction.

    Args:
        data: to divide.
        fraction: of each intent that goes into the first part; at least one example stays there.
        seed: of the choice; None for another one each time.

    Returns:
        The training part with synonyms, patterns and responses; the test part with examples and responses alone.
    """
    chance = random.Random(seed)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(data.examples):
        groups[full_intent(example)].append(place)
    first: set[int] = set()
    for places in groups.values():
        chance.shuffle(places)
        first |= set(places[: max(1, round(len(places) * fraction))])
    train = tuple(e for place, e in enumerate(data.examples) if place in first)
    test = tuple(e for place, e in enumerate(data.examples) if place not in first)
    keys = {f"utter_{e.response_key}" for e in test if e.response_key}
    kept: Mapping[str, list[dict[str, Any]]] = {k: v for k, v in data.responses.items() if k in keys}
    return replace(data, examples=train), TrainingData(examples=test, responses=kept)


def leave_out(data: TrainingData, percentage: int, seed: int) -> TrainingData:
    """Training data without a share of the examples of each intent."""
    return data if percentage <= 0 else split_data(data, 1 - percentage / 100, seed)[0]


def choose(count: int, fraction: float, seed: int | None) -> set[int]:
    """Places of a share of `count` items: at least one of them, and not all if there are several."""
    places = list(range(count))
    random.Random(seed).shuffle(places)
    return set(places[: max(1, min(count - 1, round(count * fraction)))])
