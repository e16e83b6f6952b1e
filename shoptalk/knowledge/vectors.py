"""Vectors of passages, kept on disk so that an index opens at once."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders import Encoder

Floats = NDArray[np.float32]


def encode(model: Encoder, texts: Sequence[str]) -> Floats:
    """(N, H), each text by itself: 8-bit vectors depend on what they are encoded with."""
    rows = [model.encode([text]).sentence[0] for text in texts]
    return np.stack(rows) if rows else np.zeros((0, model.width), np.float32)


def kept(folder: Path | None, key: Sequence[str], make: Callable[[], Floats]) -> Floats:
    """An array out of a file named after all that it depends on, written when it is not there.

    Args:
        folder: of the files; None keeps nothing.
        key: what the array depends on.
        make: computes it.
    """
    if folder is None:
        return make()
    path = folder / f"{hashlib.sha256(chr(0).join(key).encode()).hexdigest()[:24]}.npy"
    if path.exists():
        try:
            return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
        except (ValueError, OSError, EOFError):
            path.unlink(missing_ok=True)
    array = make()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        np.save(file, array, allow_pickle=False)
    os.replace(file.name, path)
    return array


def unit(rows: Floats) -> Floats:
    """Rows of length 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), dtype=np.float32)
