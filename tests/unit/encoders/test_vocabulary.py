"""Whole words of an encoder's vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoptalk.encoders.vocabulary import whole_words
from shoptalk.errors import ComponentError


def test_the_packaged_encoder_knows_usual_words() -> None:
    words = whole_words("all-MiniLM-L6-v2")
    assert {"order", "jacket", "shipping"} <= words
    assert not {"ordr", "##ing"} & words


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"vocab": {"order": 0, "##s": 1}}, {"order"}),
        ({"vocab": [["\u2581order", -1.0], ["s", -2.0]]}, {"order"}),
    ],
)
def test_both_kinds_of_vocabulary(tmp_path: Path, model: object, expected: set[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    assert whole_words(str(tmp_path)) == expected


@pytest.mark.parametrize("content", ["", "[]", '{"model": {}}', '{"model": {"vocab": [1]}}'])
def test_a_broken_vocabulary_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ComponentError, match="vocabulary of the encoder"):
        whole_words(str(tmp_path))
