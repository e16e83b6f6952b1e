"""How much a text looks like anything the assistant was trained on: the out-of-scope score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved

Floats = NDArray[np.float32]


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


def scope_score(confidence: float, cosine: float) -> float:
    """From 0 (nothing like the training data) to 1: confidence times nearness."""
    return confidence * max(0.0, cosine)


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
