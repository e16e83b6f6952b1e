"""The linear head learns from dense and from sparse columns, and continues where it stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shoptalk.networks.linear import LinearData, LinearSettings, fit_linear


def data(rows: int = 90) -> LinearData:
    random = np.random.default_rng(0)
    labels = np.arange(rows) % 3
    dense = random.normal(size=(rows, 4)).astype(np.float32)
    dense[:, 0] += 3 * (labels == 0)
    columns = np.where(labels == 1, 7, 2)
    return LinearData(dense, np.arange(rows + 1), columns, np.ones(rows, np.float32), 10, labels, 3)


def accuracy(d: LinearData, w: object) -> float:
    logits = d.dense @ w.dense + w.sparse[d.columns] + w.bias
    return float((logits.argmax(1) == d.labels).mean())


def test_learns_from_both_kinds() -> None:
    d = data()
    assert accuracy(d, fit_linear(d, LinearSettings())) > 0.95


def test_same_seed_same_weights() -> None:
    d = data()
    first, second = (fit_linear(d, LinearSettings(seed=4)) for _ in range(2))
    np.testing.assert_array_equal(first.dense, second.dense)
    np.testing.assert_array_equal(first.sparse, second.sparse)


def test_columns_never_seen_stay_zero() -> None:
    weights = fit_linear(data(), LinearSettings())
    assert not weights.sparse[5].any()
    assert weights.sparse.any()


def test_each_view_learns_beside_the_others() -> None:
    d = data()
    weak = (0.3 * d.dense).astype(np.float32)
    both = replace(d, dense=np.concatenate([d.dense, weak], axis=1), views=(4, 4))
    apart, joined = fit_linear(both, LinearSettings()), fit_linear(replace(both, views=()), LinearSettings())
    assert accuracy(both, apart) > 0.95
    share = [float(np.abs(w.dense[4:]).sum() / np.abs(w.dense[:4]).sum()) for w in (apart, joined)]
    assert share[0] > share[1] + 0.05
