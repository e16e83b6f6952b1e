"""Cheaper forms of what training spends most of its time with, on CPUs."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def linear(layer: nn.Linear, x: Tensor, in_16_bits: bool) -> Tensor:
    """A layer, computed in bfloat16 if that is said; its weights stay in 32 bits."""
    with torch.autocast("cpu", torch.bfloat16, enabled=in_16_bits):
        out: Tensor = layer(x)
    return out


def dropout(x: Tensor, share: float) -> Tensor:
    """Dropout in steps of 1/256, from one random byte a number: several times quicker than PyTorch's own."""
    count, limit = x.numel(), round(share * 256)
    if not limit:
        return x
    raw = torch.randint(-(2**63), 2**63 - 1, (count // 8 + 1,)).view(torch.uint8)
    keep = (raw[:count].view(x.shape) >= limit).to(x.dtype)
    return x * keep.mul_(256 / (256 - limit))
