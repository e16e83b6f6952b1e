"""Short passes over an earlier model."""

from __future__ import annotations

import numpy as np

from shoptalk.nlu.entity_tagger import FEW, REPLAYED, TIMES, replayed
from shoptalk.nlu.linear_head import Rows, adjusted, train_head


def test_a_few_new_texts_are_seen_often_and_known_ones_once() -> None:
    places = replayed({7, 3}, 5000, seed=1)
    assert [places.count(3), places.count(7)] == [TIMES, TIMES]
    known = [place for place in places if place not in (3, 7)]
    assert len(known) == len(set(known)) == REPLAYED


def test_many_new_texts_are_seen_once_with_more_known_ones() -> None:
    fresh = set(range(FEW + 1000))
    places = replayed(fresh, 9000, seed=1)
    assert sorted(place for place in places if place in fresh) == sorted(fresh)
    assert len(places) == 3 * len(fresh)


def test_a_head_is_made_right_about_what_is_new_and_keeps_the_rest() -> None:
    random = np.random.default_rng(4)
    centres = random.normal(size=(3, 16)) * 2
    expected = np.repeat([0, 1, 2], 200)
    dense = (centres[expected] + random.normal(size=(600, 16))).astype(np.float32)
    names = ["abc"[number] for number in expected]
    settings = {"seed": 3, "least_steps": 200, "dense_rate": 0.02}
    head = train_head(Rows(dense, None), names, settings)
    between = (centres[0] * 0.4 + centres[1] * 0.6).astype(np.float32)[None]
    asked = Rows(between, None)
    assert head.logits(asked).argmax() == 1
    every = Rows(np.concatenate([dense, between]), None)
    again = adjusted(head, every, [*names, "a"], [600])
    assert again is not None
    assert again.logits(asked).argmax() == 0
    before, after = (one.logits(Rows(dense, None)).argmax(axis=1) == expected for one in (head, again))
    assert after.mean() >= before.mean() - 0.02
    same = adjusted(again, every, [*names, "a"], [600])
    assert same is not None
    np.testing.assert_allclose(same.dense, again.dense, atol=1e-5)


def test_a_head_with_other_labels_cannot_be_adjusted() -> None:
    rows = Rows(np.eye(4, dtype=np.float32), None)
    head = train_head(rows, ["a", "b", "a", "b"], {"least_steps": 5})
    assert adjusted(head, rows, ["a", "b", "a", "c"], [3]) is None
