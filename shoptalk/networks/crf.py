"""Linear-chain conditional random field: training in PyTorch. Decoding is in `inference.py`.

Source: Lafferty et al. (2001); forward algorithm as matrix products of exponentials, which on a CPU is several
times quicker than a log-sum-exp over (B, K, K).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FORBIDDEN = -1e4
"""Score of a transition that must not happen."""


class ConditionalRandomField(nn.Module):
    """Scores tag sequences by emissions and transitions.

    Args:
        tags: K.
        allowed: (K, K) True where the second tag may follow the first; None allows all.
    """

    allowed: Tensor

    def __init__(self, tags: int, allowed: Tensor | None = None) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        self.register_buffer(
            "allowed", torch.ones(tags, tags, dtype=torch.bool) if allowed is None else allowed
        )

    def scores(self) -> Tensor:
        """(K, K) transition scores with the forbidden ones set."""
        return self.transitions.masked_fill(~self.allowed, FORBIDDEN)

    def loss(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Negative log-likelihood, (B,).

        Shapes: emissions (B, T, K), tags (B, T) int64, mask (B, T) bool with True from the left.
        """
        return self._partition(emissions, mask) - self._score(emissions, tags, mask)

    def _score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        weight = mask.to(emissions.dtype)
        chosen = emissions.gather(2, tags[:, :, None])[:, :, 0] * weight  # (B, T)
        steps = self.scores()[tags[:, :-1], tags[:, 1:]] * weight[:, 1:]
        last = tags.gather(1, mask.sum(1, keepdim=True) - 1)[:, 0]
        return chosen.sum(1) + steps.sum(1) + self.start[tags[:, 0]] + self.end[last]

    def _partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        moves = self.scores().exp()
        alpha = self.start + emissions[:, 0]
        for step in range(1, emissions.shape[1]):
            top = alpha.max(dim=1, keepdim=True).values.detach()
            reached = ((alpha - top).exp() @ moves).clamp_min(1e-30).log() + top + emissions[:, step]
            alpha = torch.where(mask[:, step, None], reached, alpha)
        return torch.logsumexp(alpha + self.end, dim=1)
