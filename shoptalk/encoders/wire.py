"""Encoded texts as bytes, for an encoder that runs elsewhere: safetensors, nothing that could be code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shoptalk.encoders.encoder import Encoded

MEDIA_TYPE = "application/vnd.safetensors"


def pack(encoded: Encoded) -> bytes:
    """The bytes of encoded texts."""
    from safetensors.numpy import save

    tensors = {"sentence": encoded.sentence}
    parts: dict[str, list[Any]] = {
        "hidden": encoded.hidden, "offsets": encoded.offsets, "whole": encoded.whole, "inside": encoded.inside,
    }  # fmt: skip
    for name, values in parts.items():
        tensors |= {f"{name}.{place}": value for place, value in enumerate(values)}
    return save({name: np.ascontiguousarray(value) for name, value in tensors.items()})


def unpack(data: bytes) -> Encoded:
    """What `pack` packed.

    Raises:
        ValueError: the bytes are something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        sentence = tensors["sentence"]
        lists = [
            [tensors[f"{name}.{place}"] for place in range(len(sentence)) if f"{name}.{place}" in tensors]
            for name in ("hidden", "offsets", "whole", "inside")
        ]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"these are no encoded texts: {error}") from error
    return Encoded(sentence, lists[0], lists[1], lists[2], lists[3])


def part(encoded: Encoded, start: int, count: int) -> Encoded:
    """Some of the texts of a batch."""
    span = slice(start, start + count)
    return Encoded(
        encoded.sentence[span],
        list(encoded.hidden[span]),
        list(encoded.offsets[span]),
        list(encoded.whole[span]),
        list(encoded.inside[span]),
    )


def joined(texts: Sequence[Sequence[str]]) -> list[str]:
    """Texts of several requests as one batch."""
    return [text for request in texts for text in request]
