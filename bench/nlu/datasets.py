"""Public data sets read from a folder; none is part of the product.

The folder holds `banking77/{train,test}.csv`, `clinc150/data_{full,small}.json` and `hwu64/fold*/{train,test}.yml`.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shoptalk.core.training_data import EntitySpan, Example

_MARK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Task:
    """Texts to learn from and texts to be asked.

    Args:
        name: for the table.
        train, test: examples.
        outside: texts that belong to no intent, for out-of-scope figures.
        outside_held_out: such texts for choosing thresholds, never trained on.
    """

    name: str
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    outside: tuple[str, ...] = ()
    outside_held_out: tuple[str, ...] = ()


def validation(task: Task, share: float = 0.15, seed: int = 0) -> Task:
    """The task with a part of its training texts as test: for choosing a recipe."""
    order = np.random.default_rng(seed).permutation(len(task.train))
    count = int(len(order) * share)
    held = tuple(task.train[i] for i in order[:count])
    return Task(
        f"{task.name} (validation)", tuple(task.train[i] for i in order[count:]), held, task.outside_held_out
    )


def banking77(root: Path) -> Task:
    """77 intents of bank customers (Casanueva et al. 2020)."""
    return Task("banking77", _csv(root / "banking77" / "train.csv"), _csv(root / "banking77" / "test.csv"))


def few_shot(task: Task, shots: int, seed: int) -> Task:
    """`shots` training texts of each intent, drawn by seed."""
    random = np.random.default_rng(seed)
    by_intent: dict[str, list[Example]] = {}
    for example in task.train:
        by_intent.setdefault(example.intent or "", []).append(example)
    chosen = [
        examples[i]
        for _, examples in sorted(by_intent.items())
        for i in random.permutation(len(examples))[:shots]
    ]
    return replace(task, name=f"{task.name} {shots}-shot", train=tuple(chosen))


def clinc150(root: Path, size: str) -> Task:
    """150 intents and out-of-scope texts (Larson et al. 2019); `size` is "full" or "small"."""
    data = json.loads((root / "clinc150" / f"data_{size}.json").read_text(encoding="utf-8"))

    def read(part: str) -> tuple[Example, ...]:
        return tuple(Example(text, intent) for text, intent in data[part])

    return Task(
        f"clinc150 {size}",
        read("train"),
        read("test"),
        tuple(text for text, _ in data["oos_test"]),
        tuple(text for text, _ in data["oos_val"]),
    )


def hwu64(root: Path, fold: int) -> Task:
    """64 intents and 54 entity types of a home robot (Liu et al. 2019), one fold."""
    folder = root / "hwu64" / f"fold{fold}"
    return Task(f"hwu64 fold {fold}", read_yaml(folder / "train.yml"), read_yaml(folder / "test.yml"))


def read_yaml(path: Path) -> tuple[Example, ...]:
    """Examples of a Rasa NLU file with plain `[surface](entity)` markup."""
    out: list[Example] = []
    intent = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("- intent:"):
            intent = line.split(":", 1)[1].strip()
        elif line.startswith("    - "):
            text, spans = _unmarked(line[6:])
            out.append(Example(text, intent, entities=spans))
    return tuple(out)


def _unmarked(marked: str) -> tuple[str, tuple[EntitySpan, ...]]:
    plain, spans, at = "", [], 0
    for match in _MARK.finditer(marked):
        plain += marked[at : match.start()]
        spans.append(EntitySpan(len(plain), len(plain) + len(match[1]), match[2], match[1]))
        plain, at = plain + match[1], match.end()
    return plain + marked[at:], tuple(spans)


def _csv(path: Path) -> tuple[Example, ...]:
    with open(path, encoding="utf-8", newline="") as handle:
        return tuple(Example(row["text"], row["category"]) for row in csv.DictReader(handle))


SETS: Sequence[str] = ("banking77", "banking77-few", "clinc150", "hwu64", "hwu64-few", "latency", "retrain")
