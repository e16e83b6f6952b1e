"""Models that arrive as parts of one zip file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from shoptalk.encoders.split_zip import extract


def parts_of(folder: Path, members: dict[str, bytes]) -> list[Path]:
    """A zip file of members cut into three."""
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    whole = (folder / "model.zip").read_bytes()
    third = len(whole) // 3
    pieces = [whole[:third], whole[third : 2 * third], whole[2 * third :]]
    paths = [folder / f"model.zip.00{number}" for number in (1, 2, 3)]
    for path, piece in zip(paths, pieces, strict=True):
        path.write_bytes(piece)
    return paths


def test_only_the_models_files_come_out_and_nowhere_else(tmp_path: Path) -> None:
    members = {
        "m/config.json": b"{}", "m/model.safetensors": b"12345", "m/tokenizer.json": b"[]",
        "m/1_Pooling/config.json": b"other", "m/run.py": b"boom", "../../config.json": b"escape",
    }  # fmt: skip
    target = tmp_path / "out"
    target.mkdir()
    extract(parts_of(tmp_path, members), target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "config.json": b"{}", "model.safetensors": b"12345", "tokenizer.json": b"[]",
    }  # fmt: skip


def test_parts_of_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(b"nothing of the kind")
    with pytest.raises(zipfile.BadZipFile):
        extract([tmp_path / "part"], tmp_path)
