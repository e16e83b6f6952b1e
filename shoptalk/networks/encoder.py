"""A BERT-like encoder in PyTorch: for encoding training data, and for fine-tuning.

Source: Devlin et al., "BERT" (arXiv 1810.04805); post-norm transformer layers (arXiv 1706.03762).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from shoptalk.networks.relative import relative_buckets
from shoptalk.networks.shapes import EncoderShape


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each with a residual and a layer norm after it."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.hidden, 3 * shape.hidden)
        self.out = nn.Linear(shape.hidden, shape.hidden)
        self.norm1 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.wide = nn.Linear(shape.hidden, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.hidden)
        self.norm2 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Shapes: x (B, T, H), mask (B, 1, 1, T) True where a token is, None for everywhere, or what to add to the
        scores of attention, (B or 1, heads, T, T); returns (B, T, H)."""
        batch, length, hidden = x.shape
        q, k, v = (
            self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )  # (3, B, heads, T, d)
        if torch.is_grad_enabled() and q.dtype == torch.bfloat16:
            # The backward pass of bfloat16 attention is several times slower on CPUs than that of float32.
            q, k, v = q.float(), k.float(), v.float()
        with torch.autocast("cpu", enabled=False):  # which would make them 16-bit again
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask).to(x.dtype)
        mixed = mixed.transpose(1, 2).reshape(batch, length, hidden)
        x = self.norm1(x + self.out(mixed))
        out: Tensor = self.norm2(x + self.narrow(functional.gelu(self.wide(x))))
        return out


class BertEncoder(nn.Module):
    """Embeddings and layers.

    Args:
        shape: of the network.
        words: (V, H), the table of word embeddings, in any precision.
    """

    def __init__(self, shape: EncoderShape, words: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(len(words), shape.hidden, _weight=words)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.relative = nn.Embedding(shape.buckets, shape.heads) if shape.buckets else None
        self.layers = nn.ModuleList(EncoderLayer(shape) for _ in range(shape.layers))

    def forward(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        """All hidden layers, the embeddings' output first.

        Shapes: ids (B, T) int64, mask (B, T) bool; returns N + 1 tensors (B, T, H).
        """
        places = torch.arange(ids.shape[1])
        positions = self.positions(places)
        x = self.norm(self.words(ids).to(positions.dtype) + positions)
        out = [x]
        wide_mask = None if bool(mask.all()) else mask[:, None, None, :]  # attention is quicker without
        if self.relative is not None:
            buckets = torch.from_numpy(relative_buckets(ids.shape[1], self.shape.buckets))
            bias = self.relative(buckets).permute(2, 0, 1)[None]
            wide_mask = bias if wide_mask is None else bias.masked_fill(~wide_mask, -torch.inf)
        for layer in self.layers:
            x = layer(x, wide_mask)
            out.append(x)
        return out
