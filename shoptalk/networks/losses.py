"""Losses over similarities of texts and labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class SimilarityLoss:
    """Rasa's two losses over dot products.

    Args:
        kind: "cross_entropy" or "margin".
        cosine: compare directions only.
        constrain: add a sigmoid cross-entropy, and leave text-text and label-label pairs out.
        scale: weigh examples down that are already right.
        positive, negative: where the margin loss wants right and wrong similarities.
        hardest: the margin loss looks at the worst negative only.
        negative_scale: weight of the margin loss's text-text and label-label terms.
    """

    kind: str = "cross_entropy"
    cosine: bool = False
    constrain: bool = False
    scale: bool = False
    positive: float = 0.8
    negative: float = -0.4
    hardest: bool = True
    negative_scale: float = 0.8

    def __call__(self, texts: Tensor, labels: Tensor, expected: Tensor) -> Tensor:
        """Mean loss.

        Shapes: texts (B, E), labels (K, E) all labels, expected (B,) the right ones.
        """
        if self.cosine:
            texts, labels = functional.normalize(texts, dim=1), functional.normalize(labels, dim=1)
        right = labels[expected]
        same = expected[:, None] == expected[None, :]
        to_labels = texts @ labels.T  # (B, K)
        positive = to_labels.gather(1, expected[:, None])
        wrong_labels = to_labels.scatter(1, expected[:, None], _NEVER)
        wrong_texts = (right @ texts.T).masked_fill(same, _NEVER)  # (B, B)
        text_pairs = (texts @ texts.T).masked_fill(same, _NEVER)
        label_pairs = (right @ labels.T).scatter(1, expected[:, None], _NEVER)
        if self.kind == "margin":
            return self._margin(positive, wrong_labels, text_pairs, label_pairs)
        parts = [positive, wrong_labels, wrong_texts]
        if not self.constrain:
            parts += [text_pairs, label_pairs]
        return self._cross_entropy(torch.cat(parts, dim=1))

    def _cross_entropy(self, logits: Tensor) -> Tensor:
        target = torch.zeros(len(logits), dtype=torch.long)
        loss = functional.cross_entropy(logits, target, reduction="none")
        if self.scale:
            chance = (-loss.detach()).exp()
            loss = loss * torch.where(chance > 0.5, ((1 - chance) / 0.5) ** 4, torch.ones_like(chance))
        total = loss.mean()
        if self.constrain:
            truth = torch.zeros_like(logits)
            truth[:, 0] = 1.0
            each = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
            total = total + (each * (logits > _NEVER / 2)).mean()
        return total

    def _margin(self, positive: Tensor, labels: Tensor, text_pairs: Tensor, label_pairs: Tensor) -> Tensor:
        loss = (self.positive - positive[:, 0]).clamp_min(0)
        if self.hardest:
            loss = loss + (self.negative + labels.max(1).values).clamp_min(0)
        else:
            loss = loss + (self.negative + labels).clamp_min(0).sum(1)
        for pairs in (text_pairs, label_pairs):
            loss = loss + self.negative_scale * (self.negative + pairs.max(1).values).clamp_min(0)
        return loss.mean()
