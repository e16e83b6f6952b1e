"""TED: the Transformer Embedding Dialogue network, for training.

Each turn is what the user said, what the assistant did, and what is remembered; a transformer that only looks back
turns the conversation so far into a point, and the action (or intent) whose point lies nearest comes next.

Two departures from Rasa's: places are told apart by how long ago they are (a learned bias per distance and head),
so one pass over a conversation trains every turn of it; and the loss compares with all labels, not with a sample.

Source: Vlasov, Mosig, Nichol: Dialogue Transformers, arXiv 1910.00486.

Shapes: `B` batch, `D` dialogue turns, `F` features of a part, `H` transformer size, `A` labels, `E` embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from shoptalk.networks.ted_inference import ENCODED, PARTS, POSITIONS, TedShape

NO_LABEL = -100
EXTRA_TURNS = 2
"""Turns of augmented conversations an epoch sees for each turn of the others."""


@dataclass(frozen=True, slots=True)
class TedTraining:
    """How a network learns.

    Args:
        epochs: passes over the conversations.
        batch_size: twice the turns of a batch, from the first epoch to the last (a turn stands in one conversation
            here, in Rasa's batches in every example that looks back on it).
        learning_rate: of Adam.
        dropout, dropout_dialogue, dropout_attention, dropout_label: rates.
        density: share of connections a transformer layer has.
        weight_decay: factor of the squared weights in the loss.
        scale_loss: look less at turns that are predicted well.
        constrain: also pull similarities of wrong labels below zero.
        margin: None for cross-entropy; else the wanted similarities of right and wrong labels.
        multi_label: several labels can be right; each is decided by itself.
        seed: of weights, masks, order and dropout.
    """

    epochs: int = 1
    batch_size: tuple[int, int] = (64, 256)
    learning_rate: float = 0.001
    dropout: float = 0.0
    dropout_dialogue: float = 0.1
    dropout_attention: float = 0.0
    dropout_label: float = 0.0
    density: float = 0.2
    weight_decay: float = 0.001
    scale_loss: bool = True
    constrain: bool = False
    margin: tuple[float, float] | None = None
    multi_label: bool = False
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation to learn from.

    Args:
        features: of each part. Shapes: (D, F).
        labels: the label of each turn, NO_LABEL for none. Shapes: (D,); or, with several right ones, (D, A) of 0
            and 1 with rows of NO_LABEL for none.
    """

    features: Mapping[str, np.ndarray]
    labels: np.ndarray

    @property
    def turns(self) -> int:
        """How many turns it has."""
        return len(self.labels)


class SparseLinear(nn.Linear):
    """A linear layer in which a random share of the connections exists."""

    def __init__(self, inputs: int, outputs: int, density: float) -> None:
        super().__init__(inputs, outputs)
        self.mask: Tensor | None
        kept = (torch.rand(outputs, inputs) < density).float()
        kept[torch.arange(outputs), torch.arange(outputs) % inputs] = 1.0  # every output keeps a connection
        self.register_buffer("mask", kept if density < 1 else None)

    def make_up_for_sparsity(self, density: float) -> None:
        """Give the connections that exist the strength of all."""
        with torch.no_grad():
            self.weight /= min(1.0, density) ** 0.5

    def effective(self) -> Tensor:
        """The weights that count."""
        return self.weight if self.mask is None else self.weight * self.mask

    def forward(self, values: Tensor) -> Tensor:
        """Shapes: (…, inputs) -> (…, outputs)"""
        return fn.linear(values, self.effective(), self.bias)


class DialogueLayer(nn.Module):
    """Attention over earlier turns, then a feed-forward layer, each on normalised values and added."""

    def __init__(self, shape: TedShape, training: TedTraining) -> None:
        super().__init__()
        size, density = shape.size, training.density
        self.heads, self.dropout = shape.heads, training.dropout_attention
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv = SparseLinear(size, 3 * size, density)
        self.out = SparseLinear(size, size, density)
        self.up, self.down = SparseLinear(size, 4 * size, density), SparseLinear(4 * size, size, density)
        self.bias = nn.Parameter(torch.zeros(shape.heads, POSITIONS))
        self.drop = nn.Dropout(training.dropout_dialogue)

    def forward(self, hidden: Tensor, distance: Tensor, hidden_from: Tensor) -> Tensor:
        """One layer.

        Args:
            hidden: Shapes: (B, D, H).
            distance: how many turns ago. Shapes: (D, D).
            hidden_from: true where a turn must not look. Shapes: (D, D).
        """
        batch, turns, size = hidden.shape
        mixed = self.qkv(self.norm1(hidden)).view(batch, turns, 3, self.heads, size // self.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)  # each (B, heads, D, H / heads)
        bias = self.bias[:, distance].masked_fill(hidden_from, -1e9)  # (heads, D, D)
        attended = fn.scaled_dot_product_attention(
            query, key, value, bias, dropout_p=self.dropout if self.training else 0.0
        )
        hidden = hidden + self.drop(self.out(attended.transpose(1, 2).reshape(batch, turns, size)))
        inner = fn.gelu(self.up(self.norm2(hidden)), approximate="tanh")
        out: Tensor = hidden + self.drop(self.down(inner))
        return out


class TedNetwork(nn.Module):
    """Conversations and labels to points of the same space."""

    def __init__(self, shape: TedShape, training: TedTraining) -> None:
        super().__init__()
        self.shape = shape
        widths = {part: shape.inputs[part] for part in shape.inputs if shape.has(part)}
        self.dense = nn.ModuleDict(
            {part: nn.Linear(width, shape.dense[part]) for part, width in widths.items()}
        )
        self.encode = nn.ModuleDict(
            {
                part: nn.Linear(shape.dense[part], shape.encoding)
                for part in widths
                if part in ENCODED or part.startswith("label_")
            }
        )
        self.input = nn.Linear(shape.turn_width, shape.size)
        self.layers = nn.ModuleList(DialogueLayer(shape, training) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.size)
        self.embed = nn.Linear(shape.size, shape.embedding)
        self.embed_label = nn.Linear(shape.encoding, shape.embedding)
        self.drop = nn.Dropout(training.dropout)
        self.drop_dialogue = nn.Dropout(training.dropout_dialogue)
        self.drop_label = nn.Dropout(training.dropout_label)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
            if isinstance(module, SparseLinear):
                module.make_up_for_sparsity(training.density)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Points of every turn of a batch.

        Args:
            features: of each part. Shapes: (B, D, F).

        Returns:
            Shapes: (B, D, E)
        """
        hidden = self.input(self.drop_dialogue(self._turns(features)))  # (B, D, H)
        places = torch.arange(hidden.shape[1])
        distance = places[:, None] - places[None, :]
        hidden_from = distance < 0
        if self.shape.window:
            hidden_from = hidden_from | (distance >= self.shape.window)
        distance = distance.clamp(0, POSITIONS - 1)
        for layer in self.layers:
            hidden = layer(hidden, distance, hidden_from)
        out: Tensor = self.embed(fn.gelu(self.norm(hidden), approximate="tanh"))
        return out

    def label_points(self, features: Mapping[str, Tensor]) -> Tensor:
        """Points of all labels. Shapes: {part: (A, F)} -> (A, E)"""
        encoded = [
            self._encode(part, features[part], self.drop_label) for part in features if self.shape.has(part)
        ]
        out: Tensor = self.embed_label(torch.stack(encoded).sum(0))
        return out

    def _turns(self, features: Mapping[str, Tensor]) -> Tensor:
        encoded = {p: self._encode(p, features[p], self.drop) for p in ENCODED if self.shape.has(p)}
        pieces = []
        for pair in (("intent", "text"), ("action_name", "action_text")):
            present = [encoded[part] for part in pair if part in encoded]
            if present:
                pieces.append(torch.stack(present).sum(0))
        pieces += [self._dense(part, features[part]) for part in PARTS[4:] if self.shape.has(part)]
        return torch.cat(pieces, dim=-1)

    def _dense(self, part: str, values: Tensor) -> Tensor:
        present = (values != 0).any(-1, keepdim=True)
        out: Tensor = self.dense[part](values) * present
        return out

    def _encode(self, part: str, values: Tensor, drop: nn.Dropout) -> Tensor:
        present = (values != 0).any(-1, keepdim=True)
        return fn.gelu(self.encode[part](drop(self._dense(part, values))), approximate="tanh") * present

    def export(self, labels: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
        """Weights by name, for `TedInference`; masks are applied, labels are worked out."""
        self.eval()
        out: dict[str, np.ndarray] = {}
        with torch.no_grad():
            for name, module in self.named_modules():
                if isinstance(module, SparseLinear):
                    out[f"{name}.weight"] = module.effective().numpy().copy()
            for name, value in self.named_parameters():
                if not name.startswith(("dense.label_", "encode.label_", "embed_label")):
                    out.setdefault(name, value.numpy().copy())
            out["labels"] = self.label_points(labels).numpy().copy()
        return out


def train_ted(
    shape: TedShape,
    training: TedTraining,
    always: Sequence[Conversation],
    sometimes: Sequence[Conversation],
    labels: Mapping[str, np.ndarray],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, np.ndarray], list[float]]:
    """Train a network.

    Args:
        shape, training: sizes and settings.
        always: conversations of every epoch.
        sometimes: conversations of which each epoch sees some, with about twice as many turns as the others.
        labels: features of the labels. Shapes: {part: (A, F)}.
        progress: told the epoch and how many there are.

    Returns:
        The weights, and the loss of each epoch.
    """
    torch.manual_seed(training.seed)
    rand = np.random.default_rng(training.seed)
    network = TedNetwork(shape, training)
    label_features = {part: torch.from_numpy(values) for part, values in labels.items()}
    optimizer = _optimizer(network, training)
    losses: list[float] = []
    network.train()
    for epoch in range(training.epochs):
        total = steps = 0.0
        for batch in _batches(always, sometimes, _batch_turns(training, epoch), rand):
            features, targets = _stack(batch, shape)
            similarity = network(features) @ network.label_points(label_features).T  # (B, D, A)
            loss = _loss(similarity, targets, training)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
        losses.append(total / max(1, steps))
        if progress is not None:
            progress(epoch + 1, training.epochs)
    return network.export(label_features), losses


def _optimizer(network: TedNetwork, training: TedTraining) -> torch.optim.Optimizer:
    """Adam; the gradient of the squared weights is added there, which is cheaper than a term of the loss."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, value in network.named_parameters():
        groups[value.dim() > 1 and not name.endswith("bias")].append(value)
    return torch.optim.Adam(
        [
            {"params": groups[True], "weight_decay": 2 * training.weight_decay},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        lr=training.learning_rate,
        fused=True,
    )


def _batch_turns(training: TedTraining, epoch: int) -> int:
    first, last = (size / 2 for size in training.batch_size)
    return round(first + (last - first) * epoch / max(1, training.epochs - 1))


def _batches(
    always: Sequence[Conversation], sometimes: Sequence[Conversation], turns: int, rand: np.random.Generator
) -> list[list[Conversation]]:
    """Conversations of similar length together, about `turns` turns in each batch, in random order."""
    chosen = list(always)
    room = EXTRA_TURNS * sum(conversation.turns for conversation in always)
    for index in rand.permutation(len(sometimes)):
        room -= sometimes[index].turns
        if room < 0:
            break
        chosen.append(sometimes[index])
    order = sorted(rand.permutation(len(chosen)), key=lambda i: chosen[i].turns)
    out: list[list[Conversation]] = []
    size = 0
    for index in order:
        if not out or size >= turns:
            out.append([])
            size = 0
        out[-1].append(chosen[index])
        size += chosen[index].turns
    return [out[i] for i in rand.permutation(len(out))]


def _stack(batch: Sequence[Conversation], shape: TedShape) -> tuple[dict[str, Tensor], Tensor]:
    """Conversations padded at their end to the longest. Shapes: {part: (B, D, F)}, (B, D) or (B, D, A)"""
    longest = max(conversation.turns for conversation in batch)

    def padded(values: np.ndarray, fill: float) -> np.ndarray:
        widths = [(0, longest - len(values)), *([(0, 0)] * (values.ndim - 1))]
        return np.pad(values, widths, constant_values=fill)

    parts = [part for part in PARTS if shape.has(part)]
    features = {p: torch.from_numpy(np.stack([padded(c.features[p], 0) for c in batch])) for p in parts}
    return features, torch.from_numpy(np.stack([padded(c.labels, NO_LABEL) for c in batch]))


def _loss(similarity: Tensor, targets: Tensor, training: TedTraining) -> Tensor:
    """Mean over the turns that have a label. Shapes: (B, D, A), (B, D) or (B, D, A) -> ()"""
    if training.multi_label:
        known = targets[..., 0] != NO_LABEL
        return fn.binary_cross_entropy_with_logits(similarity[known], targets[known].float())
    known = targets != NO_LABEL
    scores, wanted = similarity[known], targets[known]  # (N, A), (N,)
    if training.margin is not None:
        return _margin_loss(scores, wanted, training.margin)
    losses = fn.cross_entropy(scores, wanted, reduction="none")
    if training.constrain:
        hot = fn.one_hot(wanted, scores.shape[1]).float()
        losses = losses + fn.binary_cross_entropy_with_logits(scores, hot, reduction="none").mean(1)
    if training.scale_loss:
        right = torch.exp(-fn.cross_entropy(scores.detach(), wanted, reduction="none"))
        losses = losses * ((1 - right) / 0.5).pow(4).where(right > 0.5, torch.ones(()))
    return losses.mean()


def _margin_loss(scores: Tensor, wanted: Tensor, margin: tuple[float, float]) -> Tensor:
    """The right label at least so similar, the nearest wrong one at most so similar."""
    right = scores.gather(1, wanted[:, None])[:, 0]
    wrong = scores.scatter(1, wanted[:, None], -1e9).max(1).values
    return (fn.relu(margin[0] - right) + fn.relu(wrong - margin[1])).mean()
