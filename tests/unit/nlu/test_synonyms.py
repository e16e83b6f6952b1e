"""Which canonical value an annotated or listed surface gets; the table is what Rasa 3.6.21 makes of the same data."""

from __future__ import annotations

import pytest

from shoptalk.core.training_data import EntitySpan, Example, TrainingData
from shoptalk.nlu.extractors.synonyms import EntitySynonymMapper
from shoptalk.nlu.message import Message

DATA = TrainingData(
    examples=(
        Example("i want my money back", "a", entities=(EntitySpan(10, 20, "resolution", "money back"),)),
        Example("Blue one", "a", entities=(EntitySpan(0, 4, "color", "blue"),)),
        Example("Green", "a", entities=(EntitySpan(0, 5, "color", "Green"),)),
        Example("Red", "a", entities=(EntitySpan(0, 3, "color", "Red"),)),
    ),
    synonyms={"money back": "refund", "red": "crimson"},
)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("Money Back", "refund"),
        ("REFUND", "refund"),
        ("red", "crimson"),
        ("BLUE", "blue"),
        ("green", "Green"),
        ("teal", "teal"),
    ],
)
def test_an_example_without_a_value_takes_no_synonym_away(said: str, value: str) -> None:
    mapper = EntitySynonymMapper({})
    mapper.train(DATA, [])
    message = Message(said)
    message.entities.append({"entity": "x", "start": 0, "end": len(said), "value": said, "extractor": "y"})
    mapper.process([message])
    assert message.entities[0]["value"] == value
