"""Out of scope: what the score rests on, by hand-made points."""

from __future__ import annotations

import numpy as np
import pytest

from shoptalk.nlu.scope import Density, Prototypes, ScopeScale, keep_threshold, lead

RANDOM = np.random.default_rng(0)
CENTRES = np.asarray([[4, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]], np.float32)
NUMBERS = np.repeat(np.arange(3), 30)
POINTS = (CENTRES[NUMBERS] + 0.3 * RANDOM.normal(size=(90, 4))).astype(np.float32)


def test_density_is_high_near_a_label_and_low_between_and_beyond() -> None:
    density = Density.fit(POINTS, NUMBERS, 3)
    near, between, beyond = density.score(
        np.asarray([CENTRES[1], CENTRES.mean(0), [0, 0, 0, 9]], np.float32)
    ).tolist()
    assert near > between
    assert near > beyond


def test_density_is_the_same_after_loading() -> None:
    density = Density.fit(POINTS, NUMBERS, 3)
    again = Density.load(density.save())
    np.testing.assert_allclose(again.score(POINTS), density.score(POINTS), rtol=0.02, atol=0.1)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_density_of_hardly_any_text(rows: int) -> None:
    density = Density.fit(POINTS[:rows], NUMBERS[:rows], 1)
    assert np.isfinite(density.score(POINTS)).all()


def test_the_largest_logit_leads_by_what_it_is_above_the_mean() -> None:
    logits = np.asarray([[3.0, 0.0, 0.0], [5.0, 5.0, 5.0]], np.float32)
    np.testing.assert_allclose(lead(logits), [2.0, 0.0])
    np.testing.assert_allclose(lead(logits + 7.0), [2.0, 0.0])


def test_scale_adds_what_each_signal_says() -> None:
    scale = ScopeScale.of(np.asarray([1.0, 3.0], np.float32), np.asarray([10.0, 14.0], np.float32))
    assert scale == ScopeScale((2.0, 1.0), (12.0, 2.0))
    assert scale.score(2.0, 12.0) == pytest.approx(0.5)
    assert scale.score(3.0, 10.0) == pytest.approx(0.5)
    assert scale.score(0.0, 8.0) == pytest.approx(1 / (1 + np.exp(4)))
    assert scale.score(-1e6, 0.0) >= 0.0


def test_few_texts_vote_by_nearness() -> None:
    few = Prototypes.fit(POINTS, NUMBERS, [str(n) for n in range(90)], 3)
    assert not few.few
    assert Prototypes.fit(POINTS[::3], NUMBERS[::3], ["x"] * 30, 3).few
    votes = few.votes(CENTRES)
    assert votes.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.exp(votes).sum(axis=1), 1.0, rtol=1e-5)


def test_a_label_without_texts_gets_no_vote() -> None:
    votes = Prototypes.fit(POINTS[:30], NUMBERS[:30], ["x"] * 30, 2).votes(CENTRES[:1])
    assert np.isfinite(votes).all()
    assert votes[0, 0] > votes[0, 1]


def test_threshold_keeps_the_share_asked_for() -> None:
    scores = np.linspace(0, 1, 101).tolist()
    assert keep_threshold(scores, 0.95) == pytest.approx(0.05)
