"""Sizes of networks, readable without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Sizes of a BERT-like encoder.

    Args:
        hidden: H, size of a token's vector.
        layers: number of transformer layers.
        heads: attention heads.
        inner: size of the feed-forward layer.
        positions: longest input in tokens.
        epsilon: of the layer norms.
        first_position: number of the first position embedding in use.
        buckets: of distances between tokens that have a bias in attention; 0 for none.
    """

    hidden: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    first_position: int = 0
    buckets: int = 0


@dataclass(frozen=True, slots=True)
class TaggerShape:
    """Sizes of an entity tagger.

    Args:
        layers: encoder layers mixed; 0 when there is no encoder.
        width: size of an encoder vector.
        columns: hashed shape features.
        hidden: size inside.
        heads: attention heads.
        tags: number of tags.
        labels: number of intents it votes on; 0 for none.
        upper: the encoder's last layers, which it tunes; None where the encoder stays as it is.
    """

    layers: int
    width: int
    columns: int
    hidden: int
    heads: int
    tags: int
    labels: int = 0
    upper: EncoderShape | None = None
