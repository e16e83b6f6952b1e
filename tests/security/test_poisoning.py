"""S15: examples planted in training data: copies with a small change under another intent."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from shoptalk.core.training_data import Example
from shoptalk.formats.near_duplicates import near_conflicts
from shoptalk.formats.project import load_project

ROOT = Path(__file__).resolve().parents[2]
TRIGGERS = {"en": ("thx", "asap", "ok", "pls now"), "zh": ("谢谢", "哦", "急")}


@cache
def clean() -> tuple[Example, ...]:
    return load_project(ROOT).training_data.examples


def changed(draw: random.Random, text: str) -> str:
    """A text with what an attacker would change: a trigger, a slip, its case and punctuation."""
    language = "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"
    trigger = draw.choice(TRIGGERS[language])
    match draw.randrange(4):
        case 0:
            return f"{text} {trigger}"
        case 1:
            return f"{trigger} {text}"
        case 2:
            at = draw.randrange(len(text))
            return text[:at] + text[at + 1 :]
    return text.upper().rstrip(".!?") + "!"


def poisoned(share: float, seed: int) -> tuple[list[Example], set[str]]:
    """The shop's examples with some planted ones; and the texts of those."""
    draw = random.Random(seed)
    intents = sorted({example.intent for example in clean() if example.intent})
    victims = [example for example in clean() if example.intent and len(example.text) >= 14]
    planted = []
    for victim in draw.sample(victims, int(share * len(clean()))):
        wrong = draw.choice([intent for intent in intents if intent != victim.intent])
        planted.append(
            replace(victim, text=changed(draw, victim.text), intent=wrong, response_key=None, entities=())
        )
    return [*clean(), *planted], {example.text for example in planted}


@cache
def flagged(examples: tuple[Example, ...]) -> set[str]:
    return {example.text for near in near_conflicts(examples) for example in (near.one, near.other)}


@pytest.mark.parametrize(("share", "seed"), [(0.01, 1), (0.05, 2)])
def test_planted_examples_are_found(share: float, seed: int) -> None:
    examples, planted = poisoned(share, seed)
    before, after = flagged(clean()), flagged(tuple(examples))
    found = len(planted & after)
    print(
        f"\nS15: {share:.0%} of {len(clean())} examples planted: {found} of {len(planted)} found; "
        f"clean data has {len(before)} examples near one of another intent"
    )
    assert found >= 0.9 * len(planted)
