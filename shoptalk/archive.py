"""Model archives: tensors and JSON, nothing that can run.

An archive is a gzip-compressed tar named `*.tar.gz`. Its first member is `manifest.json`, which lists every other
member with size and SHA-256, and the form of every part. Members are `<part>.json` and `<part>.safetensors`; a part is
one component or policy.
Reading goes member by member against the manifest and never writes to disk.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from shoptalk.errors import ArchiveError

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MEMBERS = 256
MAX_BYTES = 2 << 30
"""Bytes an archive may unpack to."""
MAX_PADDING = 1 << 16
"""Bytes that may follow the end of the tar; its checksum comes after them."""
MEMBER_NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.(json|safetensors)")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a component keeps: settings and learned facts as JSON, arrays by name.

    Args:
        config: settings and learned facts.
        tensors: arrays by name.
        form: which of the forms that its component had in time; a class whose `save` means another thing than before
            says so by a higher class attribute `form`. Set and checked where components are saved and loaded.
    """

    config: dict[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)
    form: int = 1


def save_part(component: Any) -> Saved:
    """What a component or policy keeps, marked with its form."""
    kept: Saved = component.save()
    return replace(kept, form=form_of(component))


def load_part(kind: Any, config: Any, saved: Saved) -> Any:
    """A component or policy of a class as it was when saved.

    Raises:
        ArchiveError: the class has other forms by now, or what is there is not what it keeps.
    """
    name = str(kind.__name__)
    if saved.form != form_of(kind):
        raise ArchiveError(
            f"What {name} learnt is kept in form {saved.form}, this version of Shoptalk reads form {form_of(kind)}.",
            hint=TRAIN_AGAIN,
        )
    try:
        return kind.load(config, saved)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ArchiveError(
            f"What {name} learnt does not fit this version of Shoptalk ({type(error).__name__}: {error}).",
            hint=TRAIN_AGAIN,
        ) from error


def form_of(kind: Any) -> int:
    """The form in which a class of components, or one of them, keeps things now."""
    return int(getattr(kind, "form", 1))


TRAIN_AGAIN = "Train again: `shoptalk train`."


@dataclass(frozen=True, slots=True)
class Archive:
    """A trained assistant.

    Args:
        metadata: model id, when and with what it was trained, fingerprints, the project's domain and config.
        parts: name → what that component or policy keeps.
    """

    metadata: dict[str, Any]
    parts: dict[str, Saved]


def write(path: Path, archive: Archive) -> None:
    """Write an archive; the file appears under its name only when it is complete.

    The bytes depend on the content alone: the same archive gives the same file.

    Raises:
        ArchiveError: a part's name is not allowed.
    """
    members = _members(archive)
    listed = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    }
    forms = {name: part.form for name, part in archive.parts.items()}
    manifest = {"format": FORMAT, "metadata": archive.metadata, "forms": forms, "members": listed}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as raw:
            _write_tar(raw, {MANIFEST: _json(manifest), **members})
            raw.flush()
            os.fsync(raw.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> Archive:
    """Open an archive and check every byte of it against its manifest.

    Raises:
        ArchiveError: there is none, it is damaged, or it holds anything but what the manifest lists.
    """
    try:
        with open(path, "rb") as raw:
            return _parse(_read_members(raw, path), path)
    except FileNotFoundError as error:
        raise ArchiveError("There is no such model.", hint="Run `shoptalk train`.", file=str(path)) from error
    except (
        OSError,
        EOFError,
        tarfile.TarError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ) as error:
        raise ArchiveError(
            f"This is not a Shoptalk model: {error}.", hint=_RETRAIN, file=str(path)
        ) from error


_RETRAIN = "Models of other programs cannot be opened; train again with `shoptalk train`."


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of an archive without its parts (cheap: only the first member is read).

    Raises:
        ArchiveError: it is not an archive of ours.
    """
    try:
        with open(path, "rb") as raw:
            _, data = next(_iterate(raw))
            return dict(json.loads(data)["metadata"])
    except (
        OSError,
        EOFError,
        StopIteration,
        tarfile.TarError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ) as error:
        raise ArchiveError(
            f"This is not a Shoptalk model: {error}.", hint=_RETRAIN, file=str(path)
        ) from error


def latest(folder: Path) -> Path | None:
    """The newest `*.tar.gz` in a folder (by time of last change), or the path itself if it is a file."""
    if folder.is_file():
        return folder
    models = sorted(folder.glob("*.tar.gz"), key=lambda p: p.stat().st_mtime) if folder.is_dir() else []
    return models[-1] if models else None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=False, separators=(",", ":")).encode()


def _members(archive: Archive) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    for name, part in archive.parts.items():
        members[f"{name}.json"] = _json(part.config)
        if part.tensors:
            from safetensors.numpy import save

            members[f"{name}.safetensors"] = save(dict(part.tensors))
    for name in members:
        if not MEMBER_NAME.fullmatch(name):
            raise ArchiveError(f"{name!r} is no name for a part of an archive.")
    return members


def _write_tar(raw: BinaryIO, members: Mapping[str, bytes]) -> None:
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))


def _iterate(raw: BinaryIO) -> Any:
    """Members one by one: regular files only, bounded in number and size; at the end, gzip's checksum."""
    total = 0
    with gzip.GzipFile(fileobj=raw) as packed:
        with tarfile.open(fileobj=packed, mode="r|") as tar:
            for count, member in enumerate(tar):
                total += max(0, member.size)
                if count >= MAX_MEMBERS or total > MAX_BYTES:
                    raise ValueError(f"more than {MAX_MEMBERS} members or {MAX_BYTES} bytes")
                if not member.isreg() or member.sparse is not None:
                    raise ValueError(f"member {member.name!r} is not a plain file")
                if member.name != MANIFEST and not MEMBER_NAME.fullmatch(member.name):
                    raise ValueError(f"member {member.name!r} has a name that is not allowed")
                content = tar.extractfile(member)
                yield member.name, content.read() if content else b""
        if len(packed.read(MAX_PADDING)) == MAX_PADDING:
            raise ValueError("there is more after its end")


def _read_members(raw: BinaryIO, path: Path) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    listed: dict[str, Any] = {}
    for name, data in _iterate(raw):
        if not members and name != MANIFEST:
            raise ValueError(f"it begins with {name!r} instead of a manifest")
        if name in members:
            raise ValueError(f"member {name!r} appears twice")
        members[name] = data
        if name == MANIFEST:
            listed = json.loads(data)["members"]
        elif name not in listed:
            raise ValueError(f"member {name!r} is not in the manifest")
        elif len(data) != listed[name]["size"] or hashlib.sha256(data).hexdigest() != listed[name]["sha256"]:
            raise ValueError(f"member {name!r} is damaged")
    missing = set(listed) - set(members)
    if missing or not members:
        raise ValueError(f"members are missing: {', '.join(sorted(missing)) or MANIFEST}")
    return members


def _parse(members: dict[str, bytes], path: Path) -> Archive:
    manifest = json.loads(members.pop(MANIFEST))
    if manifest.get("format") != FORMAT:
        raise ValueError(f"format {manifest.get('format')!r}, this version reads {FORMAT}")
    configs = {name[:-5]: json.loads(data) for name, data in members.items() if name.endswith(".json")}
    tensors: dict[str, Any] = {}
    for name, data in members.items():
        if name.endswith(".safetensors"):
            tensors[name[:-12]] = _tensors(data)
    if set(tensors) - set(configs):
        raise ValueError("tensors without settings")
    forms = dict(manifest.get("forms", {}))
    parts = {
        name: Saved(config, tensors.get(name, {}), int(forms.get(name, 1)))
        for name, config in configs.items()
    }
    return Archive(metadata=dict(manifest["metadata"]), parts=parts)


def _tensors(data: bytes) -> Any:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except SafetensorError as error:
        raise ValueError(f"damaged tensors ({error})") from error
