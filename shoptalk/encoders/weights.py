"""The numbers of a BERT-like encoder, whatever runtime will use them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoptalk.networks.shapes import EncoderShape

Floats = NDArray[np.float32]

BERT_LIKE = {"bert", "roberta", "xlm-roberta", "camembert", "mpnet"}
"""Model types with BERT's layers; MPNet has a bias by distance in attention, too."""

RELATIVE = "encoder.relative_attention_bias.weight"
"""(buckets, heads), shared by all layers."""

_SHIFTED = BERT_LIKE - {"bert"}
_PREFIXES = ("bert.", "roberta.", "mpnet.", "model.", "0.auto_model.")
_RENAMED = (
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
    ("attention.attn.q.", "attention.self.query."),
    ("attention.attn.k.", "attention.self.key."),
    ("attention.attn.v.", "attention.self.value."),
    ("attention.attn.o.", "attention.output.dense."),
    ("attention.LayerNorm.", "attention.output.LayerNorm."),
)


@dataclass(frozen=True, slots=True)
class EncoderWeights:
    """Shape and parameters by canonical name (those of Hugging Face's BertModel)."""

    shape: EncoderShape
    tensors: dict[str, NDArray[Any]]

    def get(self, name: str) -> Floats:
        """A parameter as 32-bit floats."""
        return np.ascontiguousarray(self.tensors[name], dtype=np.float32)

    def positions(self) -> Floats:
        """(positions, H) what is added to a word's vector: that of its place, and of the first type of text."""
        places = self.get("embeddings.position_embeddings.weight")[self.shape.first_position :]
        types = "embeddings.token_type_embeddings.weight"
        return places + self.get(types)[0] if types in self.tensors else places


def layer_norm(x: Floats, gain: Floats, shift: Floats, epsilon: float) -> Floats:
    """Rows of `x` brought to mean 0 and deviation 1, times `gain`, plus `shift`."""
    centred: Floats = x - x.mean(axis=-1, keepdims=True)
    centred /= np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + epsilon)
    return centred * gain + shift


def read_config(folder: Path) -> dict[str, Any]:
    """The model folder's config.json."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


def is_bert_like(folder: Path) -> bool:
    """Whether our own runtimes can run it."""
    config = read_config(folder)
    return (
        config.get("model_type") in BERT_LIKE
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and (folder / "model.safetensors").is_file()
        and (folder / "tokenizer.json").is_file()
    )


def read_shape(folder: Path) -> EncoderShape:
    """Sizes from `config.json` of a BERT-like model folder."""
    config = read_config(folder)
    shifted = config["model_type"] in _SHIFTED
    return EncoderShape(
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        positions=config["max_position_embeddings"] - (2 if shifted else 0),
        epsilon=config["layer_norm_eps"],
        first_position=config.get("pad_token_id", 1) + 1 if shifted else 0,
        buckets=config.get("relative_attention_num_buckets", 0),
    )


def read_weights(folder: Path) -> EncoderWeights:
    """Read `config.json` and `model.safetensors` of a BERT-like model folder."""
    from safetensors.numpy import load_file

    loaded = load_file(str(folder / "model.safetensors"))
    return EncoderWeights(read_shape(folder), {_canonical(name): value for name, value in loaded.items()})


def _canonical(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            name = name[len(prefix) :]
    for theirs, ours in _RENAMED:
        name = name.replace(theirs, ours)
    return name
