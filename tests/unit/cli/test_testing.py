"""`shoptalk test`: Rasa's files with Rasa's fields, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from .conftest import Shoptalk


def test_reports_have_rasas_names_and_fields(trained: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("test", "--successes", "--no-plot")
    assert ran.status == 0
    results = trained / "results"
    stories = json.loads((results / "story_report.json").read_text())
    assert stories["conversation_accuracy"] == {"accuracy": 0.5, "correct": 1, "with_warnings": 0, "total": 2}
    assert stories["greet"]["confused_with"] == {"buy": 1}
    intents = json.loads((results / "intent_report.json").read_text())
    assert set(intents) == {"bye", "buy", "greet", "accuracy", "macro avg", "weighted avg", "micro avg"}
    assert intents["greet"] == {
        "precision": 1.0,
        "recall": 1.0,
        "f1-score": 1.0,
        "support": 3,
        "confused_with": {},
    }
    success = json.loads((results / "intent_successes.json").read_text())[0]
    assert success == {
        "text": "hello",
        "intent": "greet",
        "intent_prediction": {"name": "greet", "confidence": 1.0},
    }
    entities = json.loads((results / "RegexEntityExtractor_report.json").read_text())
    assert entities["fruit"]["support"] == 3
    assert "no_entity" not in entities
    assert (results / "index.html").exists()


def test_failed_stories_say_what_was_predicted(trained: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("test", "core", "--no-plot", "--successes")
    text = (trained / "results/failed_test_stories.yml").read_text()
    assert "  - intent: greet  # predicted: buy: one [apple](fruit)\n" in text
    assert "  - action: utter_bye  # predicted: " in text
    assert [s["story"] for s in yaml.safe_load(text)["stories"]] == ["bad (tests/test_stories.yml)"]
    right = yaml.safe_load((trained / "results/successful_test_stories.yml").read_text())
    assert [s["story"] for s in right["stories"]] == ["good (tests/test_stories.yml)"]
    warnings = (trained / "results/stories_with_warnings.yml").read_text()
    assert warnings == "# No warnings for test stories - all good!\n"
    assert "tests/test_stories.yml:11: predicted buy" in ran.out


def test_the_status_tells_of_failures_only_if_asked(trained: Path, shoptalk: Shoptalk) -> None:
    assert shoptalk("test", "core", "--no-plot").status == 0
    assert shoptalk("test", "core", "--no-plot", "--fail-on-prediction-errors").status == 1
    assert (
        shoptalk("test", "core", "--no-plot", "--max-stories", "1", "--fail-on-prediction-errors").status == 0
    )


def test_cross_validation_uses_every_example_once(project: Path, shoptalk: Shoptalk) -> None:
    ran = shoptalk("test", "nlu", "--cross-validation", "-f", "3", "--no-plot", "--quiet")
    assert ran.status == 0
    report = json.loads((project / "results/intent_report.json").read_text())
    assert report["macro avg"]["support"] == 9
    few = shoptalk("test", "nlu", "--cross-validation", "-f", "4", "--no-plot", "--quiet")
    assert few.status == 1
    assert "No intent has 4 examples" in few.err


def test_configs_are_compared_on_the_same_shares(project: Path, shoptalk: Shoptalk) -> None:
    (project / "second.yml").write_text((project / "config.yml").read_text())
    words = ("-c", "config.yml", "second.yml", "-r", "1", "-p", "0", "50", "--no-plot", "--quiet")
    assert shoptalk("test", "nlu", *words).status == 0
    results = json.loads((project / "results/results.json").read_text())
    assert results["config"] == results["second"]
    assert len(results["config"][0]) == 2
    assert (project / "results/run_1/50%_exclusion/second_report/intent_report.json").exists()
    assert (project / "results/run_1/test.yml").exists()


def test_pictures_are_drawn(trained: Path, shoptalk: Shoptalk) -> None:
    assert shoptalk("test").status == 0
    for name in ("intent_confusion_matrix", "intent_histogram", "story_confusion_matrix"):
        assert (trained / f"results/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_to_test_is_said(trained: Path, shoptalk: Shoptalk) -> None:
    (trained / "tests/test_stories.yml").unlink()
    assert "There are no test stories." in shoptalk("test", "core").err
    assert "There is no NLU data to test on." in shoptalk("test", "nlu", "-u", "tests").err


def test_training_stories_can_be_tested_by_naming_their_folder(trained: Path, shoptalk: Shoptalk) -> None:
    assert "1 of 1  stories right" in shoptalk("test", "core", "-s", "data", "--no-plot").out
    assert "There are no test stories." in shoptalk("test", "core", "-s", "data", "--e2e", "--no-plot").err
