"""Rasa's JSON: read with lines, lookup files beside it, and refused with reasons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoptalk.errors import DataError
from shoptalk.formats import rasa_json
from shoptalk.formats.project import load_training_data

DATA = {
    "rasa_nlu_data": {
        "common_examples": [
            {
                "text": "to NYC",
                "intent": "go",
                "entities": [{"start": 3, "end": 6, "entity": "city", "value": "New York"}],
            },
            {"text": "why", "intent": "faq/why"},
        ],
        "regex_features": [{"name": "zip", "pattern": "[0-9]{5}"}],
        "lookup_tables": [{"name": "city", "elements": "cities.txt"}],
        "entity_synonyms": [{"value": "Rome", "synonyms": ["Roma"]}],
    }
}


def _write(folder: Path, content: object) -> Path:
    (folder / "cities.txt").write_text("Rome\n\nOslo \n")
    path = folder / "nlu.json"
    path.write_text(json.dumps(content, indent=1))
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path, DATA)
    data = load_training_data([path], lambda message, source: None, root=tmp_path)
    assert [(e.intent, e.response_key) for e in data.examples] == [("go", None), ("faq", "faq/why")]
    assert data.examples[0].entities[0].value == "New York"
    assert data.synonyms == {"Roma": "Rome", "NYC": "New York"}
    assert data.lookups[0].elements == ("Rome", "Oslo")
    assert path.read_text().splitlines()[data.examples[1].source.line - 1].strip() == '"text": "why",'


def test_what_is_written_reads_the_same(tmp_path: Path) -> None:
    before = rasa_json.read_file(_write(tmp_path, DATA), "nlu.json")
    assert before is not None
    after = rasa_json.read_text(json.dumps(rasa_json.write(before)), "again.json")
    assert after == before


def test_other_json_in_the_folder_is_left_alone_but_not_when_named(tmp_path: Path) -> None:
    path = _write(tmp_path, {"luis_schema_version": "7.0"})
    assert load_training_data([tmp_path], lambda message, source: None, root=tmp_path).examples == ()
    with pytest.raises(DataError, match=r"nlu.json: This is an export of LUIS, which is not read"):
        load_training_data([path], lambda message, source: None, root=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"common_examples": [{"txt": "x"}]}, "An example must be an object with a `text`."),
        (
            {"common_examples": [{"text": "x", "entities": [{"start": 0}]}]},
            "has no `start`, `end` and `entity`",
        ),
        (
            {"common_examples": [{"text": "x", "entities": [{"start": 0, "end": 9, "entity": "e"}]}]},
            "The entity 'e' from 0 to 9 does not lie in 'x'",
        ),
        (
            {"lookup_tables": [{"name": "c", "elements": "no.txt"}]},
            "The lookup file 'no.txt' does not exist.",
        ),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, {"rasa_nlu_data": change})
    with pytest.raises(DataError) as error:
        rasa_json.read_file(path, "nlu.json")
    assert message in str(error.value)


def test_broken_json_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "nlu.json"
    path.write_text('{"rasa_nlu_data":\n {,}}')
    with pytest.raises(DataError, match=r"nlu.json:2: This is not valid JSON"):
        rasa_json.read_file(path, "nlu.json")
