"""The encoder that trains: PyTorch, length-sorted batches, 16-bit where the processor has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from shoptalk.encoders.encoder import Encoded, Floats, absolute_layers, length_sorted
from shoptalk.encoders.locate import ModelFolder
from shoptalk.encoders.tokenization import Pieces, SubwordTokenizer
from shoptalk.encoders.weights import RELATIVE, EncoderWeights, read_shape, read_weights

TOKENS_PER_BATCH = 1024


class TorchEncoder:
    """Encodes many texts at once; parameters are read when the first comes, since often all are in the cache.

    Args:
        folder: the model.
        half: bfloat16 weights; None decides by the processor.
    """

    def __init__(self, folder: ModelFolder, *, half: bool | None = None) -> None:
        self._path, self._shape = folder.path, read_shape(folder.path)
        self.name, self.fingerprint = folder.name, folder.fingerprint
        self.sentence_layers = folder.sentence_layers
        self.layers, self.width = self._shape.layers, self._shape.hidden
        self._half = has_bfloat16() if half is None else half
        self._prefix = folder.prefix

    @cached_property
    def _module(self) -> Any:
        import torch

        return from_weights(read_weights(self._path), torch.bfloat16 if self._half else torch.float32)

    @cached_property
    def _tokenizer(self) -> SubwordTokenizer:
        return SubwordTokenizer(self._path / "tokenizer.json", self._shape.positions)

    def encode(
        self,
        texts: Sequence[str],
        layers: Sequence[int] = (-1,),
        prefix: str | None = None,
        whole: int | None = None,
    ) -> Encoded:
        """Encode texts in batches of similar length."""
        prefix = self._prefix if prefix is None else prefix
        wanted = absolute_layers(layers, self.layers)
        pieces = self._tokenizer.encode_batch(list(texts), prefix)
        sentence = np.empty((len(texts), self.width), np.float32)
        hidden: list[Any] = [None] * len(texts)
        full: list[Any] = [None] * len(texts)
        for batch in length_sorted([len(p.ids) for p in pieces], TOKENS_PER_BATCH):
            chosen = [pieces[position] for position in batch]
            means, kept, rows = self._run(chosen, wanted, whole)
            sentence[batch] = means
            for row, position in enumerate(batch):
                hidden[position] = kept[row]
                full[position] = rows[row] if rows else None
        inside = [p.inside for p in pieces]
        return Encoded(
            sentence, hidden, [p.offsets for p in pieces], full if whole is not None else [], inside
        )

    def _run(
        self, batch: Sequence[Pieces], wanted: Sequence[int], whole: int | None
    ) -> tuple[Floats, list[Floats], list[Floats]]:
        import torch

        longest = max(len(p.ids) for p in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        mask = torch.zeros((len(batch), longest), dtype=torch.bool)
        for row, p in enumerate(batch):
            ids[row, : len(p.ids)] = torch.from_numpy(p.ids)
            mask[row, : len(p.ids)] = True
        with torch.inference_mode():
            outputs = self._module(ids, mask)
            weight = mask[:, :, None].float()
            means = (outputs[-1].float() * weight).sum(1) / weight.sum(1)
            stacked = torch.stack([outputs[layer] for layer in wanted]).float().numpy()  # (L, B, T, H)
            full = outputs[whole].float().numpy() if whole is not None else None
        kept = [stacked[:, row, p.inside] for row, p in enumerate(batch)]
        rows = [full[row, : len(p.ids)] for row, p in enumerate(batch)] if full is not None else []
        return means.numpy(), kept, rows


def from_weights(weights: EncoderWeights, dtype: Any) -> Any:
    """The module with pretrained parameters, in evaluation mode.

    The table of words, most of a multilingual encoder, stays in the precision of the file: only the rows of a
    batch are converted.

    Args:
        weights: as read.
        dtype: torch's type of the other parameters.
    """
    import torch

    from shoptalk.networks.encoder import BertEncoder

    shape = weights.shape
    words = torch.from_numpy(weights.tensors["embeddings.word_embeddings.weight"])
    model = BertEncoder(shape, words)
    state = {
        "positions.weight": weights.positions(),
        "norm.weight": weights.get("embeddings.LayerNorm.weight"),
        "norm.bias": weights.get("embeddings.LayerNorm.bias"),
    }
    names = {
        "attention.output.dense": "out",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "wide",
        "output.dense": "narrow",
        "output.LayerNorm": "norm2",
    }
    for layer in range(shape.layers):
        base = f"encoder.layer.{layer}."
        for kind in ("weight", "bias"):
            parts = [weights.get(f"{base}attention.self.{name}.{kind}") for name in ("query", "key", "value")]
            state[f"layers.{layer}.qkv.{kind}"] = np.concatenate(parts)
            for long, short in names.items():
                state[f"layers.{layer}.{short}.{kind}"] = weights.get(f"{base}{long}.{kind}")
    if shape.buckets:
        state["relative.weight"] = weights.get(RELATIVE)
    tensors = {name: torch.from_numpy(value).to(dtype) for name, value in state.items()}
    model.load_state_dict({"words.weight": words, **tensors}, assign=True)
    return model.eval()


class TransformersEncoder:
    """Any model that `AutoModel` opens, for architectures our own runtimes do not know."""

    def __init__(self, folder: ModelFolder) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.name, self.fingerprint = folder.name, folder.fingerprint
        self.sentence_layers = folder.sentence_layers
        self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder.path))
        self._model: Any = AutoModel.from_pretrained(str(folder.path)).eval()
        config = self._model.config
        self.layers = int(config.num_hidden_layers)
        self.width = int(config.hidden_size)
        self._longest = min(int(self._tokenizer.model_max_length), 512)
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def encode(
        self,
        texts: Sequence[str],
        layers: Sequence[int] = (-1,),
        prefix: str | None = None,
        whole: int | None = None,
    ) -> Encoded:
        """Encode texts in batches of similar length; `prefix` and `whole` are not supported here."""
        import torch

        wanted = absolute_layers(layers, self.layers)
        sentence = np.empty((len(texts), self.width), np.float32)
        hidden: list[Any] = [None] * len(texts)
        offsets: list[Any] = [None] * len(texts)
        for batch in length_sorted([len(text) for text in texts], 4 * TOKENS_PER_BATCH):
            fed = self._tokenizer(
                [texts[position] for position in batch],
                padding=True,
                truncation=True,
                max_length=self._longest,
                return_tensors="pt",
                return_offsets_mapping=True,
                return_special_tokens_mask=True,
            )
            spans, special = fed.pop("offset_mapping").numpy(), fed.pop("special_tokens_mask").numpy()
            with torch.inference_mode():
                states = self._model(**fed, output_hidden_states=True).hidden_states
            mask = fed["attention_mask"].numpy().astype(bool)
            last = states[-1].float().numpy()
            stacked = torch.stack([states[layer] for layer in wanted]).float().numpy()
            for row, position in enumerate(batch):
                inside = mask[row] & (special[row] == 0) & (spans[row, :, 1] > spans[row, :, 0])
                sentence[position] = last[row, mask[row]].mean(axis=0)
                hidden[position] = stacked[:, row, inside]
                offsets[position] = spans[row, inside].astype(np.int64)
        return Encoded(sentence, hidden, offsets)


def has_bfloat16() -> bool:
    """Whether the processor multiplies 16-bit floats natively (else they would be slower)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
