"""A text on its way through the pipeline: tokens, features, and what the components found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.core.training_data import Example
from shoptalk.nlu.sparse import Sparse, join_columns

Floats = NDArray[np.float32]


@dataclass(slots=True)
class Token:
    """A word: its text, half-open character offsets, lemma, and what featurizers noted of it."""

    text: str
    start: int
    end: int
    lemma: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lemma = self.lemma or self.text


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it was meant, slips mended, and where the words of the message stand in it."""

    text: str
    tokens: list[Token]


@dataclass(frozen=True, slots=True)
class Subwords:
    """Input of an encoder's last layers, for a component that tunes them.

    Args:
        model: name of the encoder.
        upper: how many layers are left.
        hidden: (S, H) sub-words, special ones included, after the layers before those.
        ranges: (T, 2) where the sub-words of each word begin and end.
    """

    model: str
    upper: int
    hidden: NDArray[Any]
    ranges: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """What one featurizer says of a message.

    Args:
        origin: the featurizer's alias.
        tokens: (T, D) one row a token, dense (of 16 or 32 bits) or sparse.
        sentence: (1, D) the whole text.
        layers: (L, T, H) hidden layers of an encoder, for components that mix them.
        subwords: what an encoder's last layers read, where those are to be tuned.
        views: (V, H) other looks at the whole text by the encoder, each fit to tell texts apart.
    """

    origin: str
    tokens: NDArray[Any] | Sparse | None = None
    sentence: Floats | Sparse | None = None
    layers: NDArray[np.float16] | None = None
    subwords: Subwords | None = None
    views: NDArray[Any] | None = None


@dataclass(slots=True)
class Message:
    """One text, mutable while the pipeline works on it."""

    text: str
    example: Example | None = None
    tokens: list[Token] = field(default_factory=list)
    features: list[Features] = field(default_factory=list)
    intent: dict[str, Any] | None = None
    ranking: list[dict[str, Any]] | None = None
    entities: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    replaced: dict[str, Any] | None = None
    time_ms: int | None = None
    explain: bool = False
    reading: Reading | None = None

    @property
    def seen(self) -> Message | Reading:
        """What encoders read: text and tokens as they were meant."""
        return self.reading or self

    def dense_tokens(self, origins: Sequence[str] = ()) -> Floats | None:
        """(T, D) dense token features of the chosen featurizers (all of them when none is named)."""
        return _join_dense([f.tokens for f in self.chosen(origins)])

    def sparse_tokens(self, origins: Sequence[str] = ()) -> Sparse | None:
        """(T, D) sparse token features of the chosen featurizers."""
        return _join_sparse([f.tokens for f in self.chosen(origins)])

    def dense_sentence(self, origins: Sequence[str] = ()) -> Floats | None:
        """(1, D) dense sentence features of the chosen featurizers."""
        return _join_dense([f.sentence for f in self.chosen(origins)])

    def sparse_sentence(self, origins: Sequence[str] = ()) -> Sparse | None:
        """(1, D) sparse sentence features of the chosen featurizers."""
        return _join_sparse([f.sentence for f in self.chosen(origins)])

    def layers(self, origins: Sequence[str] = ()) -> NDArray[np.float16] | None:
        """(L, T, H) hidden layers of the first chosen featurizer that has them."""
        return next((f.layers for f in self.chosen(origins) if f.layers is not None), None)

    def views(self, origins: Sequence[str] = ()) -> NDArray[Any] | None:
        """(V, H) of the first chosen featurizer that has them."""
        return next((f.views for f in self.chosen(origins) if f.views is not None), None)

    def subwords(self, origins: Sequence[str] = ()) -> Subwords | None:
        """Of the first chosen featurizer that has them."""
        return next((f.subwords for f in self.chosen(origins) if f.subwords is not None), None)

    def chosen(self, origins: Sequence[str]) -> list[Features]:
        """Features of the named featurizers, in pipeline order."""
        return [f for f in self.features if not origins or f.origin in origins]


def _join_dense(blocks: Sequence[NDArray[Any] | Sparse | None]) -> Floats | None:
    dense = [b.astype(np.float32, copy=False) for b in blocks if isinstance(b, np.ndarray)]
    if not dense:
        return None
    return dense[0] if len(dense) == 1 else np.concatenate(dense, axis=1)


def _join_sparse(blocks: Sequence[NDArray[Any] | Sparse | None]) -> Sparse | None:
    sparse = [b for b in blocks if isinstance(b, Sparse)]
    return join_columns(sparse) if sparse else None
