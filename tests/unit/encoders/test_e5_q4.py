"""The 4-bit converter, on a file written by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from shoptalk.encoders.e5_q4 import convert
from shoptalk.errors import ComponentError

H, LAYERS, HEADS, INNER, WORDS, POSITIONS, TYPES = 32, 1, 4, 64, 3, 5, 2


def pack(matrix: np.ndarray) -> bytes:
    """4-bit blocks of whole numbers from -8 to 7 times 0.5."""
    out = b""
    for block in matrix.reshape(-1, 32):
        codes = (block + 8).astype(np.uint8)
        out += np.float16(0.5).tobytes() + bytes(codes[:16] | (codes[16:] << 4))
    return out


def write_file(path: Path, tensors: dict[str, bytes]) -> None:
    head = b"E5S1" + b"\x00" * 4 + struct.pack("<7i", H, LAYERS, HEADS, INNER, WORDS, POSITIONS, TYPES)
    head += struct.pack("<fi", 1e-12, 32) + struct.pack("<5i", WORDS, 0, 2, 1, 3)
    text = b"abc"
    head += struct.pack("<Q", len(text)) + b"\x00" * (4 * (WORDS + 1) + 4 * WORDS) + text
    head += struct.pack("<iI", 0, 2) + b"xx" + struct.pack("<i", len(tensors))
    size = len(head) + sum(2 + len(name) + 21 for name in tensors)
    body = b""
    for name, data in tensors.items():
        head += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BI", 0, 0)
        head += struct.pack("<QQ", size + len(body), len(data))
        body += data
    path.write_bytes(head + body)


def test_numbers_survive(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    matrices = {"emb.word": (WORDS, H)}
    for name, rows, columns in (
        ("q", H, H),
        ("k", H, H),
        ("v", H, H),
        ("ao", H, H),
        ("fi", INNER, H),
        ("fo", H, INNER),
    ):
        matrices[f"l0.{name}.w"] = (rows, columns)
    whole = {name: random.integers(-8, 8, shape) for name, shape in matrices.items()}
    floats = {"emb.pos": POSITIONS * H, "emb.type": TYPES * H, "emb.ln.w": H, "emb.ln.b": H}
    floats |= {f"l0.{n}.b": INNER if n == "fi" else H for n in ("q", "k", "v", "ao", "fi", "fo")}
    floats |= {f"l0.{n}.{k}": H for n in ("aln", "oln") for k in "wb"}
    values = {name: random.normal(size=count).astype("<f4") for name, count in floats.items()}
    source, target = tmp_path / "model.bin", tmp_path / "out"
    target.mkdir()
    write_file(
        source, {**{n: pack(m) for n, m in whole.items()}, **{n: v.tobytes() for n, v in values.items()}}
    )
    convert(source, target)
    state = load_file(target / "model.safetensors")
    np.testing.assert_array_equal(state["embeddings.word_embeddings.weight"], whole["emb.word"] * 0.5)
    np.testing.assert_array_equal(state["encoder.layer.0.output.dense.weight"], whole["l0.fo.w"] * 0.5)
    np.testing.assert_allclose(
        state["encoder.layer.0.intermediate.dense.bias"], values["l0.fi.b"], rtol=2e-3, atol=1e-4
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"GGUF" + b"\x00" * 50)
    with pytest.raises(ComponentError, match="4-bit E5"):
        convert(tmp_path / "x", tmp_path)
