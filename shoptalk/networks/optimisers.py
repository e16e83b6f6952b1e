"""Adam and AdamW over torch's fused kernel, without loading torch's compiler.

`torch.optim.Optimizer` imports `torch._dynamo`, and sympy with it, at the first step of a process: a second of CPU,
a quarter of what a small assistant's training takes. The function beneath it does not.

Sources: Kingma and Ba, "Adam" (arXiv 1412.6980); Loshchilov and Hutter, "Decoupled weight decay" (arXiv 1711.05101).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.adam import adam


@dataclass(slots=True)
class Group:
    """Parameters with one rate and one decay, and the moments of their gradients."""

    parameters: Sequence[Tensor]
    rate: float
    decay: float = 0.0
    first: list[Tensor] = field(init=False)
    second: list[Tensor] = field(init=False)
    steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        self.steps = [torch.zeros(()) for _ in self.parameters]


class Adam:
    """Adam.

    Args:
        groups: what to optimise.
        decoupled: AdamW's decay, which shrinks weights by rate times decay; else it is added to the gradient.
    """

    def __init__(self, groups: Iterable[Group], *, decoupled: bool = False) -> None:
        self._groups: Sequence[Group] = [group for group in groups if group.parameters]
        self._decoupled = decoupled

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Follow the gradients, with rates times `factor`, and clear them."""
        for group in self._groups:
            live = [place for place, p in enumerate(group.parameters) if p.grad is not None]
            if not live:
                continue
            adam(
                [group.parameters[place] for place in live],
                [grad for p in group.parameters if (grad := p.grad) is not None],
                [group.first[place] for place in live],
                [group.second[place] for place in live],
                [],
                [group.steps[place] for place in live],
                fused=True,
                decoupled_weight_decay=self._decoupled,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=group.rate * factor,
                weight_decay=group.decay,
                eps=1e-8,
                maximize=False,
            )
            for place in live:
                group.parameters[place].grad = None
