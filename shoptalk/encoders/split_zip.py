"""A model folder from a zip file that arrives in parts."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors")


def extract(parts: Sequence[Path], target: Path) -> None:
    """Write the model's files, wherever they lie in the zip file, into the folder `target`.

    Args:
        parts: pieces of the file, in order.
        target: an existing folder.

    Raises:
        BadZipFile: the pieces make no zip file.
    """
    with tempfile.TemporaryFile(dir=target) as whole:
        for part in parts:
            with open(part, "rb") as piece:
                shutil.copyfileobj(piece, whole)
        with zipfile.ZipFile(whole) as archive:
            for member in archive.infolist():
                place = Path(member.filename)
                if place.name in MODEL_FILES and len(place.parts) <= 2:
                    with archive.open(member) as source, open(target / place.name, "wb") as sink:
                        shutil.copyfileobj(source, sink)
