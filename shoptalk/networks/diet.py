"""DIET: one transformer for intent and entities.

Source: Bunk et al., "DIET: Lightweight Language Understanding for Dialogue Systems" (arXiv 2004.09936); star-space
loss over label embeddings, Wu et al. (arXiv 1709.03856).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoptalk.networks import quick
from shoptalk.networks.crf import ConditionalRandomField
from shoptalk.networks.tagger import sinusoids


@dataclass(frozen=True, slots=True)
class DietShape:
    """Sizes of a DIET network; a width of 0 means there are no such features.

    Args:
        sparse_tokens, dense_tokens, sparse_sentence, dense_sentence: widths of the inputs.
        project: size sparse inputs are projected to.
        concat: size tokens and sentence are brought to when they differ.
        hidden: feed-forward sizes before the transformer.
        size, layers, heads: of the transformer; layers 0 leaves it out.
        label_width, label_project, label_hidden: of the label's bag of words.
        labels: number of labels; 0 without intents.
        embed: size of the common space of texts and labels.
        tags: number of tags of entity, role and group; 0 where there are none.
        density: share of connections kept in feed-forward layers.
    """

    sparse_tokens: int
    dense_tokens: int
    sparse_sentence: int
    dense_sentence: int
    project: int = 128
    concat: int = 128
    hidden: tuple[int, ...] = ()
    size: int = 256
    layers: int = 2
    heads: int = 4
    label_width: int = 0
    label_project: int = 20
    label_hidden: tuple[int, ...] = ()
    labels: int = 0
    embed: int = 20
    tags: tuple[int, int, int] = (0, 0, 0)
    density: float = 0.2


@dataclass(frozen=True, slots=True)
class DietRates:
    """Dropout between layers, in attention, and of inputs; whether the transformer's linear layers learn in bfloat16."""

    drop: float = 0.2
    attention: float = 0.0
    sparse_input: bool = True
    dense_input: bool = True
    half: bool = False


@dataclass(frozen=True, slots=True)
class Bag:
    """Rows of sparse features: columns and values (M,), offsets (R + 1,)."""

    columns: Tensor
    values: Tensor
    offsets: Tensor


@dataclass(frozen=True, slots=True)
class DietBatch:
    """B texts with N words in all.

    Args:
        mask: (B, T) True where a word is.
        sparse_tokens: N rows; dense_tokens: (N, D).
        sparse_sentence: B rows; dense_sentence: (B, D).
    """

    mask: Tensor
    sparse_tokens: Bag | None
    dense_tokens: Tensor | None
    sparse_sentence: Bag | None
    dense_sentence: Tensor | None


class SparseLinear(nn.Module):
    """A linear layer over sparse rows."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, out))
        nn.init.uniform_(self.weight, -math.sqrt(6 / (width + out)), math.sqrt(6 / (width + out)))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, bag: Bag, drop: float) -> Tensor:
        """(R, out)."""
        values = functional.dropout(bag.values, drop, self.training)
        rows = functional.embedding_bag(
            bag.columns,
            self.weight,
            bag.offsets,
            mode="sum",
            per_sample_weights=values,
            include_last_offset=True,
        )
        return rows + self.bias


class ThinLinear(nn.Linear):
    """A linear layer of which only a random, fixed share of connections exists; every output has at least one."""

    keep: Tensor

    def __init__(self, width: int, out: int, density: float) -> None:
        super().__init__(width, out)
        keep = torch.rand(out, width) < density
        keep[torch.arange(out), torch.arange(out) % width] = True
        self.register_buffer("keep", keep)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., out)."""
        return functional.linear(x, self.weight * self.keep, self.bias)


class FeedForward(nn.Module):
    """Dense layers with gelu, dropout, and a fixed share of connections."""

    def __init__(self, width: int, sizes: tuple[int, ...], density: float, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.out = sizes[-1] if sizes else width
        self.layers = nn.ModuleList()
        for size in sizes:
            self.layers.append(ThinLinear(width, size, density))
            width = size

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to (..., sizes[-1])."""
        for layer in self.layers:
            x = functional.dropout(functional.gelu(layer(x)), self.drop, self.training)
        return x


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, size: int, heads: int, rates: DietRates) -> None:
        super().__init__()
        self.heads, self.rates = heads, rates
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.wide, self.narrow = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Places that are none are left out of everything but attention.

        Shapes: mask (B, T) True where a place is, x (M, size) the M places in order.
        """
        padded = x.new_zeros((*mask.shape, 3 * x.shape[1]))
        padded[mask] = self._linear(self.qkv, self.norm1(x)).float()  # 16-bit attention learns slowly on CPUs
        q, k, v = padded.view(*mask.shape, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        rate = self.rates.attention if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask[:, None, None, :], dropout_p=rate
        )
        x = x + self._drop(self._linear(self.out, mixed.transpose(1, 2)[mask].flatten(1)))
        wide = self._drop(functional.gelu(self._linear(self.wide, self.norm2(x))))
        return x + self._drop(self._linear(self.narrow, wide))

    def _linear(self, layer: nn.Linear, x: Tensor) -> Tensor:
        return quick.linear(layer, x, self.rates.half and self.training)

    def _drop(self, x: Tensor) -> Tensor:
        return quick.dropout(x, self.rates.drop) if self.training else x


class Diet(nn.Module):
    """The network; see `shape` for sizes."""

    def __init__(self, shape: DietShape, allowed: tuple[Tensor | None, ...], rates: DietRates) -> None:
        super().__init__()
        self.shape, self.rates = shape, rates
        if shape.sparse_tokens:
            self.sparse_tokens = SparseLinear(shape.sparse_tokens, shape.project)
        if shape.sparse_sentence:
            self.sparse_sentence = SparseLinear(shape.sparse_sentence, shape.project)
        tokens = shape.dense_tokens + (shape.project if shape.sparse_tokens else 0)
        sentence = shape.dense_sentence + (shape.project if shape.sparse_sentence else 0)
        width = sentence or tokens
        if tokens and sentence and tokens != sentence:
            self.concat_tokens = nn.Linear(tokens, shape.concat)
            self.concat_sentence = nn.Linear(sentence, shape.concat)
            width = shape.concat
        self.width = width
        self.feed = FeedForward(width, shape.hidden, shape.density, rates.drop)
        out = self.feed.out
        if shape.layers:
            self.enter = nn.Linear(out, shape.size)
            self.blocks = nn.ModuleList(Block(shape.size, shape.heads, rates) for _ in range(shape.layers))
            self.leave = nn.LayerNorm(shape.size)
            out = shape.size
        if shape.labels:
            self.label = SparseLinear(shape.label_width, shape.label_project)
            self.label_feed = FeedForward(shape.label_project, shape.label_hidden, shape.density, rates.drop)
            self.text_embed = nn.Linear(out, shape.embed)
            self.label_embed = nn.Linear(self.label_feed.out, shape.embed)
        self.mask_vector = nn.Parameter(torch.randn(self.feed.out) * 0.05)
        self._build_tags(out, allowed)

    def _build_tags(self, out: int, allowed: tuple[Tensor | None, ...]) -> None:
        self.emit, self.crf = nn.ModuleDict(), nn.ModuleDict()
        for name, count, moves in zip(("entity", "role", "group"), self.shape.tags, allowed, strict=True):
            if not count:
                continue
            extra = self.shape.embed if name != "entity" else 0
            self.emit[name] = nn.Linear(out + extra, count)
            self.crf[name] = ConditionalRandomField(count, moves)
        if self.shape.tags[0] and any(self.shape.tags[1:]):
            self.tag_embed = nn.Embedding(self.shape.tags[0], self.shape.embed)

    def forward(self, batch: DietBatch, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Words (B, T, out) and the whole text (B, out).

        `hidden` (B, T) marks words to replace by the mask vector.
        """
        tokens, sentence = self._inputs(batch)
        mask = functional.pad(batch.mask, (0, 1))  # the whole text has the place after its last word
        last = (torch.arange(len(mask)), batch.mask.sum(1))
        mask[last] = True
        x = tokens.new_zeros((*mask.shape, self.width))
        x[:, :-1][batch.mask] = tokens
        x[last] = sentence
        x = self.feed(x[mask])
        if hidden is not None:
            x = torch.where(functional.pad(hidden, (0, 1))[mask][:, None], self.mask_vector, x)
        if self.shape.layers:
            x = self._transform(x, mask)
        out = x.new_zeros((*mask.shape, x.shape[1]))
        out[mask] = x
        return out[:, :-1], out[last]

    def _transform(self, x: Tensor, mask: Tensor) -> Tensor:
        size = self.shape.size
        places = sinusoids(mask.shape[1], size).expand(len(mask), -1, -1)[mask]
        x = self.enter(x) * math.sqrt(size) + 10 * places
        x = quick.dropout(x, self.rates.drop) if self.training else x
        for block in self.blocks:
            x = block(x, mask)
        return functional.gelu(self.leave(x))

    def _inputs(self, batch: DietBatch) -> tuple[Tensor, Tensor]:
        sparse = self.rates.drop if self.rates.sparse_input else 0.0
        dense = self.rates.drop if self.rates.dense_input else 0.0
        parts = []
        if batch.sparse_tokens is not None:
            parts.append(self.sparse_tokens(batch.sparse_tokens, sparse))
        if batch.dense_tokens is not None:
            parts.append(functional.dropout(batch.dense_tokens, dense, self.training))
        tokens = torch.cat(parts, 1) if parts else None
        parts = []
        if batch.sparse_sentence is not None:
            parts.append(self.sparse_sentence(batch.sparse_sentence, sparse))
        if batch.dense_sentence is not None:
            parts.append(functional.dropout(batch.dense_sentence, dense, self.training))
        sentence = torch.cat(parts, 1) if parts else None
        return self._joined(tokens, sentence, batch.mask)

    def _joined(self, tokens: Tensor | None, sentence: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        if hasattr(self, "concat_tokens"):
            return self.concat_tokens(tokens), self.concat_sentence(sentence)
        if sentence is None and tokens is not None:
            owner = torch.repeat_interleave(torch.arange(len(mask)), mask.sum(1))
            total = tokens.new_zeros((len(mask), tokens.shape[1])).index_add(0, owner, tokens)
            sentence = total / mask.sum(1, keepdim=True).clamp_min(1)
        if tokens is None and sentence is not None:
            tokens = sentence.new_zeros((int(mask.sum()), sentence.shape[1]))
        if tokens is None or sentence is None:
            raise ValueError("a DIET network needs features of words or of texts")
        return tokens, sentence

    def embed_text(self, text: Tensor) -> Tensor:
        """(B, out) to (B, embed)."""
        out: Tensor = self.text_embed(text)
        return out

    def embed_labels(self, labels: Bag) -> Tensor:
        """All labels, (labels, embed)."""
        out: Tensor = self.label_embed(self.label_feed(self.label(labels, 0.0)))
        return out

    def emissions(self, name: str, words: Tensor, entity_tags: Tensor | None = None) -> Tensor:
        """Scores of tags (B, T, K) of family `name`; roles and groups see the entity tags (B, T)."""
        if entity_tags is not None:
            words = torch.cat([words, self.tag_embed(entity_tags)], dim=2)
        out: Tensor = self.emit[name](words)
        return out
