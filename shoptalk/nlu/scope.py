"""How much a text looks like anything the assistant was trained on: the out-of-scope score.

Sources: relative Mahalanobis distance, Ren et al. (arXiv 2106.09022); the largest logit, Hendrycks et al. (arXiv
1911.11132), here above the mean of all. Each finds what the other misses: the distance sees texts far from every intent,
the logit texts between intents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved

Floats = NDArray[np.float32]


FEW = 20
"""Texts a label up to which nearness to single texts votes on intents."""
SHARPNESS = 10.0
"""Of that vote: what a cosine counts (chosen on draws of 5 and 10 examples an intent)."""


class Prototypes:
    """The training texts' vectors, grouped by label, and how near a new text comes to those of its labels.

    Vectors are centred on the mean of the training texts first: encoders crowd all texts into a narrow cone,
    and after centring the cosine tells them apart.
    """

    def __init__(self, vectors: Floats, starts: Sequence[int], texts: Sequence[str], mean: Floats) -> None:
        self._vectors, self._starts, self._texts, self._mean = vectors, list(starts), list(texts), mean

    @classmethod
    def fit(cls, dense: Floats, expected: NDArray[np.int64], texts: Sequence[str], labels: int) -> Self:
        """From N training rows.

        Args:
            dense: (N, D).
            expected: (N,) label numbers.
            texts: the N texts.
            labels: how many labels there are.
        """
        mean = dense.mean(axis=0)
        order = np.argsort(expected, kind="stable")
        starts = np.searchsorted(expected[order], np.arange(labels + 1))
        return cls(_unit(dense[order] - mean), starts.tolist(), [texts[i] for i in order], mean)

    @property
    def texts(self) -> list[str]:
        """The training texts, grouped by label."""
        return self._texts

    @property
    def few(self) -> bool:
        """Whether labels have so few texts that their vote helps; with many the linear head knows better."""
        return len(self._texts) <= FEW * max(1, len(self._starts) - 1)

    def votes(self, dense: Floats) -> Floats:
        """(N, K) log-probability of labels by the texts' nearness to theirs. Shapes: dense (N, D)."""
        close = np.exp(SHARPNESS * (_unit(dense - self._mean) @ self._vectors.T))  # (N, texts)
        starts = np.asarray(self._starts)
        sums = np.concatenate([np.zeros((len(close), 1)), close.cumsum(axis=1)], axis=1)
        mean = (sums[:, starts[1:]] - sums[:, starts[:-1]]) / np.maximum(np.diff(starts), 1)
        mean = np.maximum(mean, np.exp(-SHARPNESS))
        out: Floats = np.log(mean / mean.sum(axis=1, keepdims=True)).astype(np.float32)
        return out

    def nearest(self, dense: Floats, labels: Sequence[int], count: int = 1) -> list[tuple[float, int, str]]:
        """The nearest training texts among some labels: (cosine, label, text), nearest first."""
        point = _unit(dense - self._mean)
        found: list[tuple[float, int, str]] = []
        for label in labels:
            begin, end = self._starts[label], self._starts[label + 1]
            if begin == end:
                continue
            cosines = self._vectors[begin:end] @ point
            best = np.argsort(-cosines)[:count] if count > 1 else [int(cosines.argmax())]
            found.extend((float(cosines[i]), label, self._texts[begin + int(i)]) for i in best)
        return sorted(found, reverse=True)[:count]

    def save(self) -> Saved:
        """Vectors as 16-bit floats, and the texts."""
        return Saved(
            {"texts": self._texts, "starts": self._starts},
            {"vectors": self._vectors.astype(np.float16), "mean": self._mean},
        )

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """As they were."""
        t = saved.tensors
        vectors = t["vectors"].astype(np.float32)
        return cls(vectors, saved.config["starts"], saved.config["texts"], t["mean"].astype(np.float32))


def _unit(x: Floats) -> Floats:
    out: Floats = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    return out


AXES = 320
"""Principal axes kept; further ones are noise."""
SHRINK = 0.1
"""Share of the mean variance added to every axis, so that few examples give no needle-thin classes."""


class Density:
    """How much nearer a text lies to one of the labels than texts in general lie to the middle of all.

    In the space of the principal axes, scaled to unit variance, labels share one covariance; distances to their means
    are measured by it, and the distance to the mean of all texts is taken off.

    Args:
        mean: (D,) of the training rows.
        axes: (D, R) scaled principal axes.
        within: (R, R) from there to where the labels' shared covariance is round.
        centres: (K, R) the labels' means there.
    """

    def __init__(self, mean: Floats, axes: Floats, within: Floats, centres: Floats) -> None:
        self._mean, self._axes, self._within, self._centres = mean, axes, within, centres
        self._norms = (centres * centres).sum(axis=1)

    @classmethod
    def fit(cls, dense: Floats, expected: NDArray[np.int64], labels: int) -> Self:
        """From N training rows (N, D) and their label numbers (N,)."""
        mean = dense.mean(axis=0, dtype=np.float64)
        centred = dense - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(dense))
        count = max(1, min(AXES, len(dense) - 1, dense.shape[1]))
        top = np.maximum(values[::-1], 0.0)
        axes = vectors[:, ::-1][:, :count] / np.sqrt(top[:count] + SHRINK * top.mean() + 1e-9)
        points = centred @ axes
        sums = np.zeros((labels, count))
        np.add.at(sums, expected, points)
        centres = sums / np.maximum(np.bincount(expected, minlength=labels), 1)[:, None]
        off = points - centres[expected]
        spread = off.T @ off / max(1, len(dense) - labels)
        spread += (SHRINK * np.trace(spread) / count + 1e-6) * np.eye(count)
        within = np.linalg.cholesky(np.linalg.inv(spread))
        parts = (mean, axes, within, centres @ within)
        return cls(*(np.ascontiguousarray(part, np.float32) for part in parts))

    def score(self, dense: Floats) -> Floats:
        """(N,) the higher the more like the training texts. Shapes: (N, D)."""
        points = (dense - self._mean) @ self._axes
        seen = points @ self._within
        apart = (seen * seen).sum(axis=1)[:, None] - 2.0 * seen @ self._centres.T + self._norms
        out: Floats = (points * points).sum(axis=1) - apart.min(axis=1)
        return out

    def save(self) -> Saved:
        """All parts as 16-bit floats."""
        parts = {"mean": self._mean, "axes": self._axes, "within": self._within, "centres": self._centres}
        return Saved({}, {name: value.astype(np.float16) for name, value in parts.items()})

    @classmethod
    def load(cls, saved: Saved) -> Self:
        """As it was."""
        t = {name: value.astype(np.float32) for name, value in saved.tensors.items()}
        return cls(t["mean"], t["axes"], t["within"], t["centres"])


def lead(logits: Floats) -> Floats:
    """(N,) by how much the largest of each row of logits (N, K) exceeds their mean."""
    out: Floats = logits.max(axis=1) - logits.mean(axis=1)
    return out


@dataclass(frozen=True, slots=True)
class ScopeScale:
    """What density and lead of the largest logit are on texts that are in scope: mean and deviation of each."""

    density: tuple[float, float] = (0.0, 1.0)
    logit: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def of(cls, densities: Floats, logits: Floats) -> Self:
        """From the in-scope texts of a held-out part."""
        return cls(_moments(densities), _moments(logits))

    def score(self, density: float, logit: float) -> float:
        """From 0 (nothing like the training data) to 1; a usual text has about one half."""
        sure = (density - self.density[0]) / self.density[1] + (logit - self.logit[0]) / self.logit[1]
        return float(1.0 / (1.0 + np.exp(-max(-60.0, sure))))


def _moments(values: Floats) -> tuple[float, float]:
    return float(values.mean()), max(float(values.std()), 1e-6)


def keep_threshold(scores: Sequence[float], keep: float) -> float:
    """The threshold that lets a share `keep` of in-scope scores pass."""
    return float(np.quantile(np.asarray(scores), 1.0 - keep)) if len(scores) else 0.0


def nested(parts: dict[str, Saved | None]) -> Saved:
    """Several saved states as one."""
    config: dict[str, Any] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name, part in parts.items():
        config[name] = None if part is None else part.config
        for key, value in (part.tensors if part is not None else {}).items():
            tensors[f"{name}/{key}"] = value
    return Saved(config, tensors)


def unnested(saved: Saved, name: str) -> Saved | None:
    """One of the states that `nested` joined."""
    config = saved.config.get(name)
    if config is None:
        return None
    prefix = f"{name}/"
    return Saved(config, {k[len(prefix) :]: v for k, v in saved.tensors.items() if k.startswith(prefix)})
