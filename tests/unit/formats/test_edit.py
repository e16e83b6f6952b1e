"""Files changed in place keep comments, quotes, order and indentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import DataError
from shoptalk.formats import edit

INDENTED = """\
version: "3.1"  # the format

nlu:
  # greetings
  - intent: greet
    examples: |
      - hello   # not a comment
      - hi

  - intent: bye  # and farewell
    examples:
      - text: bye
"""


def _data(*pairs: tuple[str, str]) -> TrainingData:
    return TrainingData(examples=tuple(Example(text, intent) for text, intent in pairs))


def test_examples_join_their_intent_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text(INDENTED)
    edit.add_examples(path, _data(("hi", "greet"), ("hey", "greet"), ("ciao", "bye"), ("tea", "order")))
    text = path.read_text()
    assert text.startswith(INDENTED[: INDENTED.index("      - hi\n")] + "      - hi\n      - hey\n")
    assert "  - intent: bye  # and farewell\n" in text
    assert text.endswith("  - intent: order\n    examples: |\n      - tea\n")
    assert "- text: ciao" in text


def test_names_are_added_once_and_a_missing_section_is_made(tmp_path: Path) -> None:
    path = tmp_path / "domain.yml"
    path.write_text("intents:\n- greet:\n    use_entities: []\n- bye  # end\n")
    edit.add_to_domain(path, {"intents": ["greet", "buy"], "actions": ["action_buy"]})
    assert path.read_text() == (
        "intents:\n- greet:\n    use_entities: []\n- bye  # end\n- buy\nactions:\n- action_buy\n"
    )


def test_a_missing_file_begins_with_its_version(tmp_path: Path) -> None:
    path = tmp_path / "new" / "stories.yml"
    edit.add_snippets(path, "stories", [{"story": "one", "steps": [{"intent": "greet"}]}])
    assert path.read_text() == 'version: "3.1"\nstories:\n- story: one\n  steps:\n  - intent: greet\n'


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text("nlu: [\n")
    with pytest.raises(DataError, match=r"nlu.yml:\d+: This is not valid YAML"):
        edit.add_examples(path, _data(("hi", "greet")))
    assert path.read_text() == "nlu: [\n"
