"""Entity tagger: mix of encoder layers and hashed word shapes, one transformer layer, CRF.

It can own the encoder's last layers, too, and tune them: then their outputs join the mix, and the mean over the last
one joins the vote.

Sources: layer mix, Peters et al. (arXiv 1802.05365); pre-norm transformer, Xiong et al. (arXiv 2002.04745);
CRF on top, Lample et al. (arXiv 1603.01360).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoptalk.networks import quick
from shoptalk.networks.crf import ConditionalRandomField
from shoptalk.networks.encoder import EncoderLayer
from shoptalk.networks.shapes import TaggerShape


@dataclass(frozen=True, slots=True)
class Subwords:
    """What the tuned layers read, for a batch.

    Args:
        hidden: (B, S, H) output of the layer before them.
        mask: (B, S) True where a sub-word is.
        ranges: (N, 2) where each word's sub-words begin and end among all B x S.
    """

    hidden: Tensor
    mask: Tensor
    ranges: Tensor


class Tagger(nn.Module):
    """Emission scores of tags for every word; see `shape` for sizes."""

    def __init__(self, shape: TaggerShape, allowed: Tensor, dropout: float = 0.3) -> None:
        super().__init__()
        self.shape, self.dropout, self.in_16_bits = shape, dropout, False
        hidden = shape.hidden
        tuned = shape.upper.layers if shape.upper else 0
        if shape.upper:
            self.upper = nn.ModuleList(EncoderLayer(shape.upper) for _ in range(tuned))
        if shape.layers + tuned:
            self.mix = nn.Parameter(torch.zeros(shape.layers + tuned))
            self.project = nn.Linear(shape.width, hidden)
        self.bag = nn.EmbeddingBag(shape.columns, hidden, mode="sum", include_last_offset=True)
        nn.init.normal_(self.bag.weight, std=0.05)
        self.norm1 = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.wide = nn.Linear(hidden, 2 * hidden)
        self.narrow = nn.Linear(2 * hidden, hidden)
        self.norm3 = nn.LayerNorm(hidden)
        self.emit = nn.Linear(hidden, shape.tags)
        self.crf = ConditionalRandomField(shape.tags, allowed)
        if shape.labels:
            self.weigh = nn.Linear(hidden, 1)
            self.vote = nn.Linear(2 * hidden + (shape.upper.hidden if shape.upper else 0), shape.labels)

    def forward(
        self,
        vectors: Tensor | None,
        columns: Tensor,
        offsets: Tensor,
        mask: Tensor,
        subwords: Subwords | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Emissions (B, T, K) and, if it votes on intents, their logits (B, labels).

        Shapes: vectors (L, N, width) of the N real words of the batch, in order; columns (M,) and offsets
        (N + 1,) their hashed features; mask (B, T) True where a word is.
        """
        sentence = None
        if subwords is not None:
            tuned, sentence = self.tune(subwords)
            vectors = tuned if vectors is None else torch.cat([vectors, tuned])
        x = self.bag(columns, offsets)  # (N, hidden)
        if vectors is not None:
            mixed = (self.mix.softmax(0) @ vectors.flatten(1)).view(vectors.shape[1:])  # (N, width)
            x = x + self._linear(self.project, self._drop(mixed, self.dropout))
        x = self._drop(x, self.dropout)
        full = x.new_zeros((*mask.shape, self.shape.hidden))
        full[mask] = x  # (B, T, hidden)
        words = self.norm3(self._context(full, mask))
        return self.emit(words), self._intents(words, mask, sentence) if self.shape.labels else None

    def tune(self, subwords: Subwords) -> tuple[Tensor, Tensor]:
        """Words (layers, N, H) and texts (B, H) as the tuned layers see them."""
        x = functional.dropout(subwords.hidden, 0.1, self.training)
        mask = None if bool(subwords.mask.all()) else subwords.mask[:, None, None, :]
        begin, end = subwords.ranges.unbind(1)
        count = (end - begin).clamp_min(1)[:, None]
        out = []
        for layer in self.upper:
            with torch.autocast("cpu", torch.bfloat16, enabled=self.in_16_bits):
                x = layer(x, mask)
            sums = functional.pad(x.float().reshape(-1, x.shape[2]).cumsum(0), (0, 0, 1, 0))  # (B * S + 1, H)
            out.append((sums[end] - sums[begin]) / count)
        weight = subwords.mask[:, :, None].float()
        mean = (x.float() * weight).sum(1) / weight.sum(1)
        return torch.stack(out), functional.layer_norm(mean, mean.shape[1:])

    def _intents(self, words: Tensor, mask: Tensor, sentence: Tensor | None) -> Tensor:
        share = self.weigh(words)[:, :, 0].masked_fill(~mask, -1e4).softmax(dim=1)
        mean = (words * share[:, :, None]).sum(dim=1)
        top = words.masked_fill(~mask[:, :, None], -1e4).max(dim=1).values
        pooled = [mean, top] if sentence is None else [mean, top, sentence]
        logits: Tensor = self.vote(self._drop(torch.cat(pooled, dim=1), self.dropout))
        return logits

    def _context(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, hidden = x.shape
        x = x + sinusoids(length, hidden)
        shape = (batch, length, 3, self.shape.heads, hidden // self.shape.heads)
        joined = self._linear(self.qkv, self.norm1(x)).float()  # 16-bit attention learns slowly on CPUs
        q, k, v = joined.view(shape).permute(2, 0, 3, 1, 4)  # (3, B, heads, T, d)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        mixed = self._linear(self.out, mixed.transpose(1, 2).reshape(batch, length, hidden))
        x = x + self._drop(mixed, 0.1)
        wide = functional.gelu(self._linear(self.wide, self.norm2(x)))
        return x + self._drop(self._linear(self.narrow, wide), 0.1)

    def _linear(self, layer: nn.Linear, x: Tensor) -> Tensor:
        return quick.linear(layer, x, self.in_16_bits and self.training)

    def _drop(self, x: Tensor, share: float) -> Tensor:
        return quick.dropout(x, share) if self.training else x


def sinusoids(length: int, width: int) -> Tensor:
    """(length, width) position vectors, half sines, half cosines, a tenth of the usual size."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return 0.1 * torch.cat([angles.sin(), angles.cos()], dim=1)
