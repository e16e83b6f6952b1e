"""The cache of training vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoptalk.encoders import cache as module
from shoptalk.encoders.cache import EncodingCache, Entry, cache_key


def entry(value: float, words: int = 2) -> Entry:
    return Entry(np.full(6, value, np.float16), np.full((2, words, 3), value + 1, np.float16))


def test_what_was_added_is_found_by_the_next_run(tmp_path: Path) -> None:
    EncodingCache(tmp_path, "a").add({"k1": entry(1), "k2": entry(5, words=0)})
    again = EncodingCache(tmp_path, "a")
    assert len(again) == 2
    found = again.get("k1")
    assert found is not None
    assert found.sentence.tolist() == [1.0] * 6
    assert found.words.shape == (2, 2, 3)
    assert found.words.max() == 2.0
    empty = again.get("k2")
    assert empty is not None
    assert empty.words.shape == (2, 0, 3)


def test_other_looks_at_a_text_are_kept_beside_it(tmp_path: Path) -> None:
    views = np.arange(6, dtype=np.float16).reshape(2, 3)
    seen = Entry(np.ones(4, np.float16), np.full((1, 2, 3), 7, np.float16), views)
    EncodingCache(tmp_path, "a").add({"plain": entry(1), "seen": seen})
    again = EncodingCache(tmp_path, "a")
    found, plain = again.get("seen"), again.get("plain")
    assert found is not None
    assert found.views is not None
    assert plain is not None
    assert found.views.tolist() == views.tolist()
    assert found.sentence.tolist() == [1.0] * 4
    assert (found.words == 7).all()
    assert plain.views is None


def test_spaces_are_apart(tmp_path: Path) -> None:
    EncodingCache(tmp_path, "a").add({"k": entry(1)})
    assert EncodingCache(tmp_path, "b").get("k") is None


def test_many_shards_become_one(tmp_path: Path) -> None:
    for number in range(module.MERGE_ABOVE + 2):
        EncodingCache(tmp_path, "a").add({f"k{number}": entry(number)})
    assert len(list(tmp_path.glob("*/*.shard"))) < module.MERGE_ABOVE
    assert len(EncodingCache(tmp_path, "a")) == module.MERGE_ABOVE + 2


def test_large_shards_are_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL_BYTES", 2000)
    EncodingCache(tmp_path, "a").add({"large": entry(1, words=1000)})
    large = next(tmp_path.glob("*/*.shard"))
    for number in range(module.MERGE_ABOVE + 2):
        EncodingCache(tmp_path, "a").add({f"k{number}": entry(number)})
    assert large.is_file()
    assert len(list(tmp_path.glob("*/*.shard"))) < module.MERGE_ABOVE
    assert len(EncodingCache(tmp_path, "a")) == module.MERGE_ABOVE + 3


def test_old_shards_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_BYTES", 1)
    EncodingCache(tmp_path, "a").add({"old": entry(1)})
    EncodingCache(tmp_path, "a").add({"new": entry(2)})
    assert EncodingCache(tmp_path, "a").get("old") is None
    assert EncodingCache(tmp_path, "a").get("new") is not None


def test_key_depends_on_text_and_words() -> None:
    assert cache_key("ab", [(0, 2)]) == cache_key("ab", [(0, 2)])
    assert cache_key("ab", [(0, 2)]) != cache_key("ab", [(0, 1), (1, 2)])
    assert cache_key("ab", []) != cache_key("ac", [])
