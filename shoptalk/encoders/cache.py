"""Vectors of training texts, kept on disk so that a text is encoded once.

A cache is a folder of shards. A shard is one file: a header with the keys, then as 16-bit floats the vectors of whole
texts one after another, then those of their words. Files are mapped, not read: who asks for whole texts only, as a
training does that changes little, never touches the larger part.
Shards are written under another name and renamed, so readers and writers never need a lock; what two processes
encode at once is merely stored twice.
"""

from __future__ import annotations

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

LIMIT_BYTES = 3 << 30
"""Of one cache; the oldest shards go first."""
MERGE_ABOVE = 12
"""Small shards beyond which they are written as one."""
SMALL_BYTES = 1 << 25


@dataclass(frozen=True, slots=True)
class Entry:
    """Vectors of one text.

    Args:
        sentence: (S,) the whole text.
        words: (L, W, H) its words in L layers.
        views: (V, H) other looks at the whole text; None for none.
    """

    sentence: Half
    words: Half
    views: Half | None = None


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
        self._places: dict[str, tuple[Path, Half, list[int]]] = {}
        self._shards: list[Path] = []
        self._read()

    def _read(self) -> None:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.shard"), key=lambda p: p.stat().st_mtime):
            with open(path, "rb") as handle:
                size = int.from_bytes(handle.read(8), "little")
                header = json.loads(handle.read(size))
            data = np.memmap(path, np.float16, "r", offset=8 + size).view(np.ndarray)
            self._shards.append(path)
            self._places.update((key, (path, data, place)) for key, *place in header["entries"])

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Entry | None:
        """The vectors of a text, if it was encoded before."""
        place = self._places.get(key)
        if place is None:
            return None
        _, data, (at, size, views, words_at, layers, words, width) = place
        block = data[words_at : words_at + layers * words * width].reshape(layers, words, width)
        more = data[at + size : at + size + views * width].reshape(views, width) if views else None
        return Entry(data[at : at + size], block, more)

    def add(self, entries: Mapping[str, Entry]) -> None:
        """Keep vectors; too many small shards are merged, too many bytes dropped."""
        if not entries:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        small = {path for path in self._shards if _bytes(path) < SMALL_BYTES}
        if len(small) >= MERGE_ABOVE:
            chosen = [key for key, (path, *_) in self._places.items() if path in small]
            kept = {key: entry for key in chosen if (entry := self.get(key)) is not None}
            self._shards = [path for path in self._shards if path not in small]
            self._write({**kept, **entries})
            for path in small:
                path.unlink(missing_ok=True)
        else:
            self._write(entries)
        self._trim()

    def _write(self, entries: Mapping[str, Entry]) -> None:
        heads = [_head(entry) for entry in entries.values()]
        at, words_at, listed = 0, sum(head.size for head in heads), []
        for (key, entry), head in zip(entries.items(), heads, strict=True):
            views = 0 if entry.views is None else len(entry.views)
            listed.append([key, at, entry.sentence.size, views, words_at, *entry.words.shape])
            at, words_at = at + head.size, words_at + entry.words.size
        header = json.dumps({"space": self._space, "entries": listed}).encode()
        header += b" " * (-(8 + len(header)) % 64)
        handle, scratch = tempfile.mkstemp(dir=self._folder, prefix=".shard-")
        with os.fdopen(handle, "wb") as sink:
            sink.write(len(header).to_bytes(8, "little") + header)
            for block in (*heads, *(entry.words for entry in entries.values())):
                sink.write(np.ascontiguousarray(block, np.float16).tobytes())
        path = Path(scratch).with_name(f"{Path(scratch).name[7:]}.shard")
        os.replace(scratch, path)
        self._shards.append(path)

    def _trim(self) -> None:
        total = 0
        for path in reversed(self._shards):
            total += _bytes(path)
            if total > LIMIT_BYTES and path != self._shards[-1]:
                path.unlink(missing_ok=True)


def _head(entry: Entry) -> Half:
    """All that an entry says of the whole text, one after another."""
    return entry.sentence if entry.views is None else np.concatenate([entry.sentence, entry.views.ravel()])


def _bytes(path: Path) -> int:
    """Of a shard; none if another process has dropped it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
