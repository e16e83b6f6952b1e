"""Floors of understanding on sentences that training never saw (`make evaluate` shows them one by one)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shoptalk import model as models
from shoptalk.formats.project import load_training_data
from shoptalk.testing.metrics import micro
from shoptalk.testing.nlu import evaluate_nlu, extractors_of, parse_examples

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parents[2]
# A little under what was measured last: intents 94.1 % and 91.2 %, entities F1 90.7 % and 88.4 %.
FLOORS = {"en": (0.92, 0.88), "zh": (0.89, 0.85)}


def _no_complaint(message: str, source: object) -> None:
    raise AssertionError(f"{source}: {message}")


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


@pytest.fixture(scope="session")
def understanding(model: Path) -> models.Model:
    """The trained model."""
    return models.load(model)


@pytest.mark.parametrize("language", sorted(FLOORS))
def test_held_out_sentences_are_understood(understanding: models.Model, language: str) -> None:
    data = load_training_data([ROOT / f"tests/bot/heldout/{language}.yml"], _no_complaint, root=ROOT)
    assert understanding.pipeline is not None
    parsed = parse_examples(understanding.pipeline, data.examples)
    found = evaluate_nlu(parsed, extractors_of(understanding.pipeline))
    assert found.count >= 600
    assert found.intents is not None
    accuracy, f1 = found.intents.evaluation.accuracy, micro(found.spans).f1
    print(f"{language}: intents {accuracy:.1%}, entities {f1:.1%} of {found.count} sentences")
    intents, entities = FLOORS[language]
    assert accuracy >= intents
    assert f1 >= entities


@pytest.mark.parametrize("language", sorted(FLOORS))
def test_held_out_sentences_are_not_in_the_training_data(language: str) -> None:
    held_out = load_training_data([ROOT / f"tests/bot/heldout/{language}.yml"], _no_complaint, root=ROOT)
    trained = load_training_data([ROOT / "data"], lambda message, source: None, root=ROOT)
    known = {_plain(example.text) for example in trained.examples}
    # Of a word or two there are only so many.
    copied = [x.text for x in held_out.examples if len(_plain(x.text)) > 12 and _plain(x.text) in known]
    assert not copied
