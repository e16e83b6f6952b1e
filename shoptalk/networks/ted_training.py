"""Training of TED: what it learns from, in which batches, and by which loss.

Source: Vlasov, Mosig, Nichol: Dialogue Transformers, arXiv 1910.00486; the loss is that of StarSpace,
arXiv 1709.03856, with Rasa 3.6's choice of pairs.

Shapes: as in `shoptalk.networks.ted`; `N` examples, `K` wrong labels or dialogues of an example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as fn

from shoptalk.networks.optimisers import Adam, Group
from shoptalk.networks.ted import NO_MOMENT, TedNetwork, TedTraining
from shoptalk.networks.ted_inference import TedShape

NO_LABEL = -100
EXTRA = 2
"""Examples made by chance that an epoch sees for each of the others."""
EXTRA_WINDOWS, EXTRA_WHOLE = 512, 48
"""Examples made by chance that an epoch sees if there are so many: windows, whole conversations."""
WHOLE_SHARE = 4
"""How many times fewer whole conversations than windows a batch has: each has many moments."""
LEAST_BATCHES = 2
"""Of an epoch: with the stories of a small project in one batch there are as few steps as epochs, and the seed decides
what is learnt by then."""
_NEVER = -1e9


@dataclass(frozen=True, slots=True)
class Examples:
    """Conversations to learn from.

    Args:
        features: of each part of each distinct moment. Shapes: (S, F).
        moments: moments of each conversation in the order they are read: windows from the newest, whole
            conversations from the oldest; NO_MOMENT after the last. Shapes: (N, D).
        labels: what follows a window, or each moment of a whole conversation (NO_LABEL for nothing to learn); with
            several right ones 0 or 1 for each. Shapes: (N,), (N, D), or (N, A).
        by_chance: made by joining stories; an epoch sees some of them. Shapes: (N,).
    """

    features: Mapping[str, np.ndarray]
    moments: np.ndarray
    labels: np.ndarray
    by_chance: np.ndarray


def train_ted(
    shape: TedShape,
    training: TedTraining,
    examples: Examples,
    labels: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Train a network.

    Args:
        shape, training: sizes and settings.
        examples: what to learn.
        labels: features of the labels. Shapes: {part: (A, F)}.
        progress: told the epoch and how many there are.

    Returns:
        The weights, and the loss of each epoch.
    """
    torch.manual_seed(training.seed)
    rand = np.random.default_rng(training.seed)
    network = TedNetwork(shape, training)
    label_features = {part: torch.from_numpy(values) for part, values in labels.items()}
    features = {part: torch.from_numpy(values) for part, values in examples.features.items()}
    whole = not shape.window
    loss_of = _whole_loss if whole else _window_loss
    optimizer = _optimizer(network, training)
    losses: list[float] = []
    network.train()
    for epoch in range(training.epochs):
        total = steps = 0.0
        for batch in _batches(examples, training, epoch, whole, rand):
            moments, targets = _cut(examples, batch, whole)
            points = network(features, moments)  # (B, 1 or D, E)
            loss = loss_of(points, network.label_points(label_features), targets, training)
            torch.autograd.backward(loss)
            optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
        losses.append(total / max(1, steps))
        if progress is not None:
            progress(epoch + 1, training.epochs)
    network.forget_unseen(features)
    return network.export(label_features), losses


def _optimizer(network: TedNetwork, training: TedTraining) -> Adam:
    """Adam; the gradient of the squared weights is added there, which is cheaper than a term of the loss."""
    groups: dict[bool, list[Tensor]] = {True: [], False: []}
    for name, value in network.named_parameters():
        groups[value.dim() > 1 and not name.startswith("layers.")].append(value)
    decay = 2 * training.weight_decay
    return Adam(
        [Group(groups[True], training.learning_rate, decay), Group(groups[False], training.learning_rate)]
    )


# -------------------------------------------------------------------------------------------------------- batches


def _batches(
    examples: Examples, training: TedTraining, epoch: int, whole: bool, rand: np.random.Generator
) -> list[np.ndarray]:
    """Places of the examples of each batch of an epoch."""
    first, last = training.batch_size
    size = int(first + (last - first) * epoch / max(1, training.epochs - 1))
    if whole:
        size = max(1, size // WHOLE_SHARE)
    plain, extra = np.flatnonzero(~examples.by_chance), np.flatnonzero(examples.by_chance)
    room = max(EXTRA * len(plain), EXTRA_WHOLE if whole else EXTRA_WINDOWS)
    chosen = rand.permutation(np.concatenate([plain, rand.permutation(extra)[:room]]))
    size = min(size, -(-len(chosen) // LEAST_BATCHES))
    if training.balanced and examples.labels.ndim == 1:
        chosen = _balanced(chosen, examples.labels[chosen], size, rand)
    return [chosen[start : start + size] for start in range(0, len(chosen), size)]


def _balanced(chosen: np.ndarray, labels: np.ndarray, size: int, rand: np.random.Generator) -> np.ndarray:
    """Examples in an order that gives each stretch of `size` some of every label or every other one.

    Labels whose examples are used up begin again, and then come in every other round only, until all are used up.
    """
    groups = [chosen[labels == label] for label in np.unique(labels)]
    shares = [int(len(group) / len(chosen) * size) + 1 for group in groups]
    begun = [0] * len(groups)
    rounds = [0] * len(groups)
    skipped = [False] * len(groups)
    out: list[np.ndarray] = []
    while min(rounds) == 0:
        for place in rand.permutation(len(groups)):
            if rounds[place] and not skipped[place]:
                skipped[place] = True
                continue
            skipped[place] = False
            out.append(groups[place][begun[place] : begun[place] + shares[place]])
            begun[place] += shares[place]
            if begun[place] >= len(groups[place]):
                rounds[place], begun[place] = rounds[place] + 1, 0
                if min(rounds):
                    break
    return np.concatenate(out)


def _cut(examples: Examples, batch: np.ndarray, whole: bool) -> tuple[Tensor, Tensor]:
    """Moments and labels of a batch, as long as its longest conversation."""
    moments, labels = examples.moments[batch], examples.labels[batch]
    length = int((moments != NO_MOMENT).sum(1).max())
    return torch.from_numpy(moments[:, :length]), torch.from_numpy(labels[:, :length] if whole else labels)


# ----------------------------------------------------------------------------------------------------------- loss


def _window_loss(points: Tensor, labels: Tensor, targets: Tensor, training: TedTraining) -> Tensor:
    """Mean over windows. Shapes: (B, 1, E), (A, E), (B,) or (B, A) -> ()"""
    if training.multi_label:
        return _several_loss(points[:, 0] @ labels.T, targets.float(), training)
    return pair_losses(points[:, 0], labels, targets, training).mean()


def _whole_loss(points: Tensor, labels: Tensor, targets: Tensor, training: TedTraining) -> Tensor:
    """Mean over conversations of the mean over their moments. Shapes: (B, D, E), (A, E), (B, D) -> ()"""
    known = targets != NO_LABEL
    losses = pair_losses(points[known], labels, targets[known], training)
    weights = (known / known.sum(1, keepdim=True).clamp_min(1))[known]
    return (losses * weights).sum() / len(targets)


def pair_losses(points: Tensor, labels: Tensor, targets: Tensor, training: TedTraining) -> Tensor:
    """How far dialogues are from their labels, measured by some wrong labels and some other dialogues.

    Shapes: (B, E), (A, E), (B,) -> (B,)
    """
    if training.cosine:
        points, labels = fn.normalize(points, dim=1), fn.normalize(labels, dim=1)
    right = labels[targets]
    wrong_labels = torch.randint(len(labels), (len(points), training.negatives))
    wrong_points = torch.randint(len(points), (len(points), training.negatives))
    no_label = torch.where(wrong_labels == targets[:, None], _NEVER, 0.0)
    no_point = torch.where(targets[wrong_points] == targets[:, None], _NEVER, 0.0)
    positive = (points * right).sum(1, keepdim=True)
    others = points[wrong_points]  # (B, K, E)
    groups = (
        (points @ labels.T).gather(1, wrong_labels) + no_label,
        (others @ right[:, :, None])[..., 0] + no_point,
        (others @ points[:, :, None])[..., 0] + no_point,
        (right @ labels.T).gather(1, wrong_labels) + no_label,
    )
    if training.margin is not None:
        return _margin_losses(positive[:, 0], groups, training.margin, training)
    return _entropy_losses(positive, groups, training)


def _entropy_losses(positive: Tensor, groups: tuple[Tensor, ...], training: TedTraining) -> Tensor:
    """Shapes: (B, 1), (B, K) each -> (B,)"""
    told_apart = groups[:2] if training.constrain else groups
    logits = torch.cat([positive, *told_apart], 1)
    losses = fn.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long), reduction="none")
    if training.constrain:
        every = torch.cat([positive, *groups], 1)
        hot = torch.zeros_like(every)
        hot[:, 0] = 1.0
        losses = losses + fn.binary_cross_entropy_with_logits(every, hot, reduction="none").mean(1)
    return losses * _scale(losses) if training.scale_loss else losses


def _scale(losses: Tensor) -> Tensor:
    """Little for what is known, much for what is not; as soon as something is known at all."""
    chance = torch.exp(-losses.detach())
    return ((1 - chance) / 0.5).pow(4) if bool((chance > 0.5).any()) else torch.ones_like(chance)


def _margin_losses(
    positive: Tensor, groups: tuple[Tensor, ...], margin: tuple[float, float], training: TedTraining
) -> Tensor:
    """The right label at least so similar, wrong pairs at most so similar. Shapes: (B,), (B, K) each -> (B,)"""
    losses = fn.relu(margin[0] - positive)
    if training.hardest:
        losses = losses + fn.relu(margin[1] + groups[0].max(1).values)
    else:
        losses = losses + fn.relu(margin[1] + groups[0]).sum(1)
    for pairs in groups[1:]:
        losses = losses + training.negative_scale * fn.relu(margin[1] + pairs.max(1).values)
    return losses


def _several_loss(similarity: Tensor, targets: Tensor, training: TedTraining) -> Tensor:
    """Of each window its right labels and some of all labels, each decided by itself. Shapes: (B, A) both -> ()"""
    every = fn.binary_cross_entropy_with_logits(similarity, targets, reduction="none")  # (B, A)
    some = torch.randint(similarity.shape[1], (len(similarity), training.negatives))
    if training.scale_loss:
        every = every * _scale(every)
    total = (every * targets).sum(1) + every.gather(1, some).sum(1)
    return (total / (targets.sum(1) + training.negatives)).mean()
