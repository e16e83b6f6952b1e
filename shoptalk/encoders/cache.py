"""Vectors of training texts, kept on disk so that a text is encoded once.

A cache is a folder of shards. A shard is one file: a header with the keys, then all arrays as 16-bit floats.
Shards are written under another name and renamed, so readers and writers never need a lock; what two processes
encode at once is merely stored twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]

LIMIT_BYTES = 1 << 30
"""Of one cache; the oldest shards go first."""
MERGE_ABOVE = 12
"""Shards beyond which they are written as one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Vectors of one text: its sentence (S,) and its words in L layers (L, W, H)."""

    sentence: Half
    words: Half


def cache_key(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Key of a text cut into these words."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12)
    digest.update(np.asarray(spans, np.int32).tobytes())
    return digest.hexdigest()


class EncodingCache:
    """The vectors one encoder with one setting gave.

    Args:
        root: folder of all caches.
        space: names encoder, layers, precision; another space is another cache.
    """

    def __init__(self, root: Path, space: str) -> None:
        self._folder = root / hashlib.blake2b(space.encode(), digest_size=10).hexdigest()
        self._space = space
        self._places: dict[str, tuple[Half, int, tuple[int, int, int, int]]] = {}
        self._shards: list[Path] = []
        self._read()

    def _read(self) -> None:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.shard"), key=lambda p: p.stat().st_mtime):
            with open(path, "rb") as handle:
                size = int.from_bytes(handle.read(8), "little")
                header = json.loads(handle.read(size))
            data = np.memmap(path, np.float16, "r", offset=8 + size)
            self._shards.append(path)
            for key, offset, *sizes in header["entries"]:
                self._places[key] = (data, offset, tuple(sizes))

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Entry | None:
        """The vectors of a text, if it was encoded before."""
        place = self._places.get(key)
        if place is None:
            return None
        data, offset, (size, layers, words, width) = place
        sentence = np.asarray(data[offset : offset + size])
        block = np.asarray(data[offset + size : offset + size + layers * words * width])
        return Entry(sentence, block.reshape(layers, words, width))

    def add(self, entries: Mapping[str, Entry]) -> None:
        """Keep vectors; too many shards are merged, too many bytes dropped."""
        if not entries:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        if len(self._shards) >= MERGE_ABOVE:
            kept = {key: entry for key in self._places if (entry := self.get(key)) is not None}
            old, self._shards = self._shards, []
            self._write({**kept, **entries})
            for path in old:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
        else:
            self._write(entries)
        self._trim()

    def _write(self, entries: Mapping[str, Entry]) -> None:
        listed, offset = [], 0
        for key, entry in entries.items():
            layers, words, width = entry.words.shape
            listed.append([key, offset, entry.sentence.size, layers, words, width])
            offset += entry.sentence.size + entry.words.size
        header = json.dumps({"space": self._space, "entries": listed}).encode()
        header += b" " * (-(8 + len(header)) % 64)
        handle, scratch = tempfile.mkstemp(dir=self._folder, prefix=".shard-")
        with os.fdopen(handle, "wb") as sink:
            sink.write(len(header).to_bytes(8, "little") + header)
            for entry in entries.values():
                sink.write(entry.sentence.astype(np.float16).tobytes())
                sink.write(np.ascontiguousarray(entry.words, np.float16).tobytes())
        path = Path(scratch).with_name(f"{Path(scratch).name[7:]}.shard")
        os.replace(scratch, path)
        self._shards.append(path)

    def _trim(self) -> None:
        total = 0
        for path in reversed(self._shards):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
                if total > LIMIT_BYTES and path != self._shards[-1]:
                    path.unlink()
