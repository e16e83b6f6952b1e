"""SentimentClassifier: what it adds, what it learns from, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nlu_kit import SHOP, trained

from shoptalk.archive import Saved
from shoptalk.errors import ConfigError, DataError
from shoptalk.nlu.pipeline import Pipeline

EXAMPLES = """\
sentiment:
- label: negative
  urgent: false
  examples: |
    - this is terrible
    - terrible quality
    - what a terrible shop
    - I hate these terrible shoes
- label: negative
  urgent: true
  examples: |
    - stop it immediately, this is terrible
    - immediately stop the terrible parcel
- label: neutral
  urgent: false
  examples: |
    - where is my parcel
    - the parcel has a number
    - my parcel please
    - one parcel or two
- label: positive
  urgent: false
  examples: |
    - wonderful, thanks
    - thanks, wonderful shoes
    - what a wonderful shop
    - wonderful
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return trained(pipeline_config(tmp_path_factory.mktemp("mood"), EXAMPLES), SHOP)


def pipeline_config(folder: Path, content: str, **settings: Any) -> list[str | dict[str, Any]]:
    (folder / "mood.yml").write_text(content, encoding="utf-8")
    own = {"name": "SentimentClassifier", "examples": str(folder), **settings}
    return ["MultilingualTokenizer", "HashedNgrams", own]


@pytest.mark.parametrize(
    ("text", "sentiment", "urgency"),
    [
        ("a terrible parcel", "negative", "normal"),
        ("stop the terrible thing immediately", "negative", "urgent"),
        ("the parcel", "neutral", "normal"),
        ("wonderful parcel, thanks", "positive", "normal"),
    ],
)
def test_both_are_in_the_result(pipeline: Pipeline, text: str, sentiment: str, urgency: str) -> None:
    result = pipeline.parse([text])[0]
    assert result["sentiment"]["label"] == sentiment
    assert result["urgency"]["label"] == urgency
    assert 0 < result["sentiment"]["score"] <= 1


def test_entities_follow_it_over_the_whole_text(pipeline: Pipeline) -> None:
    text = "what a terrible thing"
    found = {e["entity"]: e for e in pipeline.parse([text])[0]["entities"]}
    assert found["sentiment"]["value"] == "negative"
    assert (found["sentiment"]["start"], found["sentiment"]["end"]) == (0, len(text))
    assert found["urgency"]["value"] == "normal"


def test_it_says_how_sure_it_is_of_each(pipeline: Pipeline) -> None:
    notes = pipeline.parse(["terrible"], explain=True)[0]["explain"]["SentimentClassifier"]
    assert set(notes["sentiment"]) == {"negative", "neutral", "positive"}
    assert sum(notes["sentiment"].values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("text", ["", " ", "👍", "\x01", "好" * 10_000, "\ud800", "ꦱꦸꦒꦼꦁ"])
def test_odd_texts(pipeline: Pipeline, text: str) -> None:
    result = pipeline.parse([text])[0]
    if text.strip():
        assert result["sentiment"]["label"] in ("negative", "neutral", "positive")
    else:
        assert "sentiment" not in result


def test_one_word_is_never_urgent(pipeline: Pipeline) -> None:
    assert pipeline.parse(["immediately"])[0]["urgency"]["label"] == "normal"


def test_no_entities_where_none_are_wished(tmp_path: Path) -> None:
    quiet = trained(pipeline_config(tmp_path, EXAMPLES, entities=False), SHOP)
    result = quiet.parse(["terrible"])[0]
    assert result["entities"] == []
    assert result["sentiment"]["label"] == "negative"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nlu: []\n", "no list `sentiment`"),
        ("sentiment:\n- label: cross\n  examples: |\n    - a\n", "must have a `label`"),
        ("sentiment:\n- label: neutral\n  urgent: perhaps\n  examples: |\n    - a\n", "needs `urgent: true`"),
        ("sentiment:\n- label: neutral\n  examples: |\n    - a\n", "have the sentiment 'neutral'"),
    ],
)
def test_examples_that_cannot_be(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        trained(pipeline_config(tmp_path, content), SHOP)


def test_examples_must_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no `examples`"):
        trained(["MultilingualTokenizer", "HashedNgrams", "SentimentClassifier"], SHOP)
    missing = {"name": "SentimentClassifier", "examples": str(tmp_path / "nothing")}
    with pytest.raises(ConfigError, match="no examples of sentiment"):
        trained(["MultilingualTokenizer", "HashedNgrams", missing], SHOP)


def test_the_same_examples_are_not_learnt_again(tmp_path: Path) -> None:
    def train(examples: str, previous: dict[str, Saved] | None = None) -> tuple[Pipeline, bool]:
        configs = [{"name": c} if isinstance(c, str) else c for c in pipeline_config(tmp_path, examples)]
        pipeline = Pipeline.build(configs)
        report = pipeline.train(SHOP, previous=previous)
        return pipeline, report["02-SentimentClassifier"]["warm"]

    first, cold = train(EXAMPLES)
    same, kept = train(EXAMPLES, first.save())
    _, relearnt = train(EXAMPLES + "    - fine, I am happy\n", first.save())
    assert (cold, kept, relearnt) == (False, True, False)
    one, other = (pipeline.parse(["a terrible parcel"])[0]["sentiment"] for pipeline in (same, first))
    assert one["label"] == other["label"]
    assert one["score"] == pytest.approx(other["score"], abs=1e-3)  # weights are kept as 16-bit floats
