"""FallbackClassifier's numbers."""

from __future__ import annotations

import pytest
from nlu_kit import SHOP, trained

from shoptalk.errors import ConfigError
from shoptalk.nlu.classifiers.fallback import FallbackClassifier
from shoptalk.nlu.message import Message


def message(*confidences: float, score: float | None = None) -> Message:
    ranking = [{"name": f"i{n}", "confidence": c} for n, c in enumerate(confidences)]
    out = Message("x", intent=dict(ranking[0]), ranking=ranking)
    if score is not None:
        out.output["scope"] = {"score": score, "threshold": 0.4}
    return out


@pytest.mark.parametrize(
    ("confidences", "fires"),
    [
        ((0.9, 0.1), False),
        ((0.29, 0.1), True),
        ((0.3, 0.1), False),
        ((0.9, 0.8), True),
        ((0.5, 0.45), True),
        ((0.5,), False),
    ],
)
def test_threshold_and_margin(confidences: tuple[float, ...], fires: bool) -> None:
    one = message(*confidences)
    FallbackClassifier({}).process([one])
    assert (one.intent["name"] == "nlu_fallback") is fires
    if fires:
        assert one.intent == one.ranking[0] == {"name": "nlu_fallback", "confidence": 0.3}
        assert len(one.ranking) == len(confidences) + 1


def test_scope_threshold_is_ours_and_off_by_default() -> None:
    for setting, fires in ((None, False), ("auto", True), (0.2, False)):
        one = message(0.9, 0.1, score=0.3)
        FallbackClassifier({"scope_threshold": setting}).process([one])
        assert (one.intent["name"] == "nlu_fallback") is fires


def test_impossible_threshold_is_refused() -> None:
    with pytest.raises(ConfigError, match="0 to 1"):
        FallbackClassifier({"threshold": 30})


def test_without_a_classifier_every_message_is_a_fallback(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = trained(["WhitespaceTokenizer", "FallbackClassifier"], SHOP)
    assert "no step before FallbackClassifier gives intent. Put an intent classifier" in caplog.text
    assert pipeline.parse(["hello"])[0]["intent"] == {"name": "nlu_fallback", "confidence": 0.3}


def test_a_classifier_after_it_has_the_last_word(caplog: pytest.LogCaptureFixture) -> None:
    names = ["WhitespaceTokenizer", "FallbackClassifier", "KeywordIntentClassifier"]
    pipeline = trained(names, SHOP)
    assert pipeline.parse(["hello"])[0]["intent"] == {"name": "greet", "confidence": 1.0}
    assert len(caplog.records) == 1
