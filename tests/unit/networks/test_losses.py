"""Similarity losses on worked values."""

from __future__ import annotations

import math

import pytest
import torch

from shoptalk.networks.losses import SimilarityLoss

LABELS = torch.tensor([[2.0, 0.0], [0.0, 2.0]])


def test_right_is_cheaper_than_wrong() -> None:
    texts = torch.tensor([[3.0, 0.0]])
    for kind in ("cross_entropy", "margin"):
        loss = SimilarityLoss(kind=kind, constrain=True)
        assert loss(texts, LABELS, torch.tensor([0])) < loss(texts, LABELS, torch.tensor([1]))


def test_one_text_two_labels_is_a_softmax() -> None:
    loss = SimilarityLoss()(torch.tensor([[1.0, 0.5]]), LABELS, torch.tensor([0]))
    # right 2, other label 1, label-label pair 0; a lone text has no other text
    expected = -math.log(math.exp(2) / (math.exp(2) + math.exp(1) + math.exp(0)))
    assert float(loss) == pytest.approx(expected, abs=1e-5)


def test_scaling_forgives_what_is_already_right() -> None:
    texts, expected = torch.tensor([[4.0, 0.0]]), torch.tensor([0])
    assert SimilarityLoss(scale=True)(texts, LABELS, expected) < SimilarityLoss()(texts, LABELS, expected)


def test_texts_of_one_label_are_no_negatives() -> None:
    texts = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    twice = SimilarityLoss()(texts, LABELS, torch.tensor([0, 0]))
    once = SimilarityLoss()(texts[:1], LABELS, torch.tensor([0]))
    assert float(twice) == pytest.approx(float(once), abs=1e-6)
