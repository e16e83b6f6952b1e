"""S4: hostile model archives: all refused at once, nothing written, nothing run."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import random
import struct
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from shoptalk import archive
from shoptalk.archive import Archive, Saved
from shoptalk.errors import ArchiveError

LIMIT_S = 1.0
Members = list[tuple[tarfile.TarInfo, bytes]]


class Canary:
    """Runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def member(
    name: str, data: bytes = b"{}", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data) if kind == tarfile.REGTYPE else 0, kind, link
    return info, data


def manifest(parts: Members, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    listed = {i.name: {"size": len(d), "sha256": hashlib.sha256(d).hexdigest()} for i, d in parts}
    content = {"format": 1, "metadata": {}, "members": listed, **changes}
    return member("manifest.json", json.dumps(content).encode())


def packed(members: Members) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def listed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """An archive whose manifest names everything in it."""
    return packed([manifest(list(members)), *members])


def header(size: int) -> bytes:
    return struct.pack("<Q", size) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    ' + b"\0" * 4


def bomb() -> bytes:
    """Ten gigabytes of zeros in one member, in ten megabytes."""
    zeros = gzip.compress(b"\0" * (1 << 20), 9)
    info = tarfile.TarInfo("nlu/a.json")
    info.size = 10 << 30
    first = packed([manifest([])])
    return first[:0] + gzip.compress(_block(manifest([])) + info.tobuf()) + zeros * 1024


def _block(one: tuple[tarfile.TarInfo, bytes]) -> bytes:
    info, data = one
    return info.tobuf() + data + b"\0" * (-len(data) % 512)


def names(*wrong: str) -> dict[str, bytes]:
    return {f"name {name[:30]!r}": listed(member(name)) for name in wrong}


def hostile(canary: Path) -> dict[str, bytes]:
    """Archives by what is wrong with them."""
    good = member("nlu/a.json")
    tensors = member("nlu/a.safetensors", header(58))
    return {
        **names(
            "../a.json",
            "nlu/../../a.json",
            "/etc/a.json",
            "nlu//a.json",
            "./nlu/a.json",
            "nlu/a.json/",
            "nlu\\a.json",
            "C:/a.json",
            "nlu/a.pkl",
            "nlu/a.json.py",
            "nlu/a b.json",
            "nlu/ä.json",
            "nlu/a.JSON",
            "~/a.json",
            "nlu/.json",
            "nlu/a\n.json",
            "a" * 300 + "/../a.json",
            "nlu/%2e%2e/a.json",
            "nlu/a.so",
            "__init__.py",
            "nlu/．．/a.json",
        ),
        "symbolic link": packed(
            [manifest([good]), member("nlu/a.json", b"", tarfile.SYMTYPE, "/etc/passwd")]
        ),
        "symbolic link up": packed(
            [manifest([good]), member("nlu/a.json", b"", tarfile.SYMTYPE, "../" * 40)]
        ),
        "hard link": packed([manifest([good]), member("nlu/a.json", b"", tarfile.LNKTYPE, "manifest.json")]),
        "device": packed([manifest([good]), member("nlu/a.json", b"", tarfile.CHRTYPE)]),
        "block device": packed([manifest([good]), member("nlu/a.json", b"", tarfile.BLKTYPE)]),
        "pipe": packed([manifest([good]), member("nlu/a.json", b"", tarfile.FIFOTYPE)]),
        "folder": packed([manifest([good]), member("nlu", b"", tarfile.DIRTYPE)]),
        "twice": packed([manifest([good]), good, good]),
        "two manifests": packed([manifest([good]), manifest([good]), good]),
        "no manifest": packed([good]),
        "manifest last": packed([good, manifest([good])]),
        "missing member": packed([manifest([good, member("nlu/b.json")]), good]),
        "extra member": packed([manifest([good]), good, member("nlu/b.json")]),
        "swapped hashes": packed([manifest([member("nlu/a.json", b"[]")]), member("nlu/a.json", b"{}")]),
        "wrong size": packed([manifest([member("nlu/a.json", b"{} ")]), good]),
        "other format": packed([manifest([good], format=99), good]),
        "manifest is a list": packed([member("manifest.json", b"[]"), good]),
        "manifest is deep": packed([member("manifest.json", b"[" * 100_000), good]),
        "manifest without members": packed([member("manifest.json", b'{"format": 1}'), good]),
        "members is text": packed([manifest([good], members="nlu/a.json"), good]),
        "metadata is text": packed([manifest([good], metadata="abc"), good]),
        "pickle as JSON": listed(member("nlu/a.json", pickle.dumps(Canary(canary)))),
        "pickle as tensors": listed(good, member("nlu/a.safetensors", pickle.dumps(Canary(canary)))),
        "bare pickle": pickle.dumps(Canary(canary)),
        "packed pickle": gzip.compress(pickle.dumps(Canary(canary))),
        "header of 1 GB": listed(good, member("nlu/a.safetensors", header(1 << 30))),
        "header without end": listed(good, member("nlu/a.safetensors", header((1 << 64) - 1))),
        "header cut off": listed(good, member("nlu/a.safetensors", tensors[1][:20])),
        "tensors beyond the file": listed(good, member("nlu/a.safetensors", header(58)[:-4])),
        "tensors without settings": listed(member("nlu/a.safetensors", header(58))),
        "not JSON": listed(member("nlu/a.json", b"{")),
        "deep JSON": listed(member("nlu/a.json", b"[" * 200_000)),
        "too many members": listed(*(member(f"nlu/a{number}.json") for number in range(300))),
        "bomb": bomb(),
        "empty": b"",
        "zeros": b"\0" * 10_000,
        "zip": b"PK\x03\x04" + b"\0" * 100,
        "cut off": packed([manifest([good]), good])[:60],
        "plain tar": gzip.decompress(packed([manifest([good]), good])),
    }


def refused(path: Path, read: Callable[[Path], object] = archive.read) -> float:
    begin = time.thread_time()
    with pytest.raises(ArchiveError):
        read(path)
    return time.thread_time() - begin


def test_hostile_archives(tmp_path: Path) -> None:
    folder, canary = tmp_path / "models", tmp_path / "canary"
    folder.mkdir()
    slowest, kinds = ("", 0.0), hostile(canary)
    for name, data in kinds.items():
        path = folder / "m.tar.gz"
        path.write_bytes(data)
        took = refused(path)
        assert took < LIMIT_S, (name, took)
        slowest = max(slowest, (name, took), key=lambda pair: pair[1])
    assert not canary.exists()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["m.tar.gz", "models"]
    print(
        f"\nS4: {len(kinds)} of {len(kinds)} refused, nothing written, slowest {slowest[0]!r} {slowest[1] * 1e3:.0f} ms"
    )


def test_flipped_bits(tmp_path: Path) -> None:
    """2,000 archives with one bit changed: refused, or the very same content (bits of gzip's header mean nothing)."""
    path = tmp_path / "m.tar.gz"
    content = Archive(
        {"model_id": "m"}, {"nlu/a": Saved({"words": list("abc")}, {"w": numpy.arange(40, dtype="f4")})}
    )
    archive.write(path, content)
    good, draw, harmless = path.read_bytes(), random.Random(1), 0
    for _ in range(2_000):
        bit = draw.randrange(len(good) * 8)
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            found = archive.read(path)
        except ArchiveError:
            continue
        harmless += 1
        assert found.metadata == content.metadata
        assert found.parts["nlu/a"].config == content.parts["nlu/a"].config
        assert (found.parts["nlu/a"].tensors["w"] == content.parts["nlu/a"].tensors["w"]).all()
    print(
        f"\nS4: 2,000 flipped bits: {2_000 - harmless} refused, {harmless} without effect, 0 taken for something else"
    )


def test_metadata_alone_is_read_as_safely(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    for data in (
        b"",
        packed([member("manifest.json", b"[" * 100_000)]),
        packed([member("manifest.json", b"[]")]),
        b"\0" * 600,
    ):
        path.write_bytes(data)
        refused(path, archive.read_metadata)


def test_a_domain_calls_nothing_but_slot_types(tmp_path: Path) -> None:
    """A domain (a model's, too) that names functions of Python as slot types is refused before they are called."""
    from shoptalk.errors import ShoptalkError
    from shoptalk.formats import domain as domain_format

    canary = tmp_path / "canary"
    for kind in (
        "os.system",
        "subprocess.Popen",
        "builtins.exec",
        "importlib.import_module",
        "os.mkdir",
        "..",
        "a..b",
        "os.",
    ):
        raw = {
            "slots": {
                "s": {"type": kind, "path": str(canary), "args": ["touch", str(canary)], "mappings": []}
            }
        }
        with pytest.raises(ShoptalkError):
            domain_format.from_raw(raw)
    assert not canary.exists()
