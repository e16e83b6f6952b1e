"""Fine-tuning: learned components get a share of their epochs, the rest stays."""

from __future__ import annotations

from shoptalk.training.finetuning import shortened


def test_only_components_that_go_on_get_fewer_epochs() -> None:
    pipeline = [
        {"name": "WhitespaceTokenizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "DIETClassifier", "epochs": 25},
        {"name": "ResponseSelector", "epochs": 10},
    ]
    out = shortened(pipeline, "en", 0.1)
    assert out[2] == {"name": "DIETClassifier", "epochs": 3}
    assert out[:2] == pipeline[:2]


def test_the_default_number_of_epochs_is_shortened_too() -> None:
    out = shortened(
        [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}, {"name": "DIETClassifier"}],
        "en",
        0.5,
    )
    assert out[2]["epochs"] == 150
