"""What an encoder is: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors of B texts.

    Args:
        sentence: (B, H) mean over all sub-words of the last layer.
        hidden: per text (L, T, H), the layers asked for; T counts the text's own sub-words.
        offsets: per text (T, 2) half-open character offsets.
        whole: per text (S, H), the layer asked for as `whole`, with the special sub-words.
        inside: per text (T,) which of those S are the text's own.
    """

    sentence: Floats
    hidden: list[Floats]
    offsets: list[NDArray[np.int64]]
    whole: list[Floats] = field(default_factory=list)
    inside: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def tokens(self) -> list[Floats]:
        """Per text (T, H): the last layer asked for."""
        return [layers[-1] for layers in self.hidden]


class Encoder(Protocol):
    """A pretrained language model that turns texts into vectors.

    `fingerprint` changes with the weights; `sentence_layers` are good for telling texts apart; `layers` is the number of hidden layers (0 is the embeddings'
    output, `layers` the last one); `width` is H.
    """

    name: str
    fingerprint: str
    sentence_layers: tuple[int, ...]
    layers: int
    width: int

    def encode(
        self,
        texts: Sequence[str],
        layers: Sequence[int] = (-1,),
        prefix: str | None = None,
        whole: int | None = None,
    ) -> Encoded:
        """Encode texts.

        Args:
            texts: what to encode.
            layers: which hidden layers to return, negative ones count from the last.
            prefix: put before each text; None takes what the model was trained with before queries.
            whole: a hidden layer to return with special sub-words, as input of the layers after it.
        """
        ...


def absolute_layers(layers: Sequence[int], count: int) -> tuple[int, ...]:
    """Layer numbers from 0 (embeddings) to `count` (last), negative ones resolved.

    Raises:
        ValueError: a number is out of range.
    """
    out = tuple(layer if layer >= 0 else count + 1 + layer for layer in layers)
    if any(not 0 <= layer <= count for layer in out):
        raise ValueError(f"layers {list(layers)} are not among 0..{count}")
    return out


def length_sorted(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions in batches of similar length, each at most `budget` padded tokens."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    batches: list[list[int]] = []
    current: list[int] = []
    for position in order:
        if current and lengths[position] * (len(current) + 1) > budget:
            batches.append(current)
            current = []
        current.append(position)
    if current:
        batches.append(current)
    return batches
