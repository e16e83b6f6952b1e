"""TED: the Transformer Embedding Dialogue network, for training.

Each moment of a conversation is what the user said, what the assistant did, and what is remembered; a transformer
turns the moments so far into a point, and the action (or intent) whose point lies nearest comes next.

A window of moments is read from the newest to the oldest, so that the present always has the same place; whole
conversations are read from their beginning, every moment looking back only.

Source: Vlasov, Mosig, Nichol: Dialogue Transformers, arXiv 1910.00486. Sizes, places, dropout and where connections
are left out follow Rasa 3.6.

Shapes: `B` batch, `D` moments, `S` distinct moments, `F` features of a part, `H` transformer size, `A` labels,
`E` embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from shoptalk.networks.ted_inference import ENCODED, NORM_EPSILON, PARTS, TedShape, places

NO_MOMENT = -1
NAMES = "label_action_name"
"""Names of labels are encoded as they are, without a dense layer of their own."""


@dataclass(frozen=True, slots=True)
class TedTraining:
    """How a network learns.

    Args:
        epochs: passes over the examples.
        batch_size: examples of a batch, from the first epoch to the last.
        learning_rate: of Adam.
        dropout, dropout_dialogue, dropout_attention, dropout_label: rates.
        density: share of connections a layer of encodings or of the transformer has.
        weight_decay: factor of the squared weights in the loss; those inside the transformer are free.
        negatives: how many wrong labels, and how many other dialogues, each example is compared with.
        scale_loss: look less at what is predicted well, and more at what is not.
        constrain: also pull similarities of wrong pairs below zero.
        margin: None for cross-entropy; else the wanted similarities of right and wrong labels.
        hardest: a margin is asked of the nearest wrong label alone.
        negative_scale: weight of a margin between dialogues, and between labels.
        cosine: compare directions only.
        balanced: rare labels come in every other batch at least.
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
    negatives: int = 20
    scale_loss: bool = True
    constrain: bool = False
    margin: tuple[float, float] | None = None
    hardest: bool = True
    negative_scale: float = 0.5
    cosine: bool = False
    balanced: bool = True
    multi_label: bool = False
    seed: int = 42


class SparseLinear(nn.Linear):
    """A linear layer in which a random share of the connections exists.

    Every input and every output keeps a connection.
    """

    def __init__(self, inputs: int, outputs: int, density: float, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.mask: Tensor | None
        mask = None
        if density < 1:
            short = min(inputs, outputs)
            joined = torch.arange(outputs)[:, None] % short == torch.arange(inputs)[None, :] % short
            mask = (joined | (torch.rand(outputs, inputs) < density)).float()
        self.register_buffer("mask", mask)

    def effective(self) -> Tensor:
        """The weights that count."""
        return self.weight if self.mask is None else self.weight * self.mask

    def forward(self, values: Tensor) -> Tensor:
        """Shapes: (…, inputs) -> (…, outputs)"""
        return fn.linear(values, self.effective(), self.bias)


class DialogueLayer(nn.Module):
    """Attention among moments, then a feed-forward layer, each on normalised values and added."""

    def __init__(self, shape: TedShape, training: TedTraining) -> None:
        super().__init__()
        size, density = shape.size, training.density
        self.heads, self.dropout = shape.heads, training.dropout_attention
        self.norm1 = nn.LayerNorm(size, eps=NORM_EPSILON)
        self.norm2 = nn.LayerNorm(size, eps=NORM_EPSILON)
        self.query = SparseLinear(size, size, density, bias=False)
        self.key = SparseLinear(size, size, density, bias=False)
        self.value = SparseLinear(size, size, density, bias=False)
        self.out = SparseLinear(size, size, density)
        self.up, self.down = SparseLinear(size, 4 * size, density), SparseLinear(4 * size, size, density)
        self.drop = nn.Dropout(training.dropout_dialogue)

    def forward(self, hidden: Tensor, seen: Tensor, wanted: int) -> Tensor:
        """One layer.

        Args:
            hidden: Shapes: (B, D, H).
            seen: true where a moment (row) looks at another. Shapes: (B, 1, 1 or D, D).
            wanted: how many moments, from the first, go on.
        """
        normed = self.norm1(hidden)
        query = self._heads(self.query(normed[:, :wanted]))
        attended = fn.scaled_dot_product_attention(
            query,
            self._heads(self.key(normed)),
            self._heads(self.value(normed)),
            seen,
            dropout_p=self.dropout if self.training else 0.0,
        )
        hidden = hidden[:, :wanted]
        hidden = hidden + self.drop(self.out(attended.transpose(1, 2).reshape(hidden.shape)))
        inner = self.drop(fn.gelu(self.up(self.norm2(hidden)), approximate="tanh"))
        out: Tensor = hidden + self.drop(self.down(inner))
        return out

    def _heads(self, values: Tensor) -> Tensor:
        batch, moments, size = values.shape
        return values.view(batch, moments, self.heads, size // self.heads).transpose(1, 2)


class TedNetwork(nn.Module):
    """Conversations and labels to points of the same space."""

    def __init__(self, shape: TedShape, training: TedTraining) -> None:
        super().__init__()
        self.shape = shape
        widths = {part: shape.inputs[part] for part in shape.inputs if shape.has(part)}
        self.dense = nn.ModuleDict(
            {part: nn.Linear(width, shape.dense[part]) for part, width in widths.items() if part != NAMES}
        )
        self.encode = nn.ModuleDict(
            {
                part: SparseLinear(
                    widths[part] if part == NAMES else shape.dense[part], shape.encoding, training.density
                )
                for part in widths
                if part in ENCODED or part.startswith("label_")
            }
        )
        self.input = SparseLinear(shape.turn_width, shape.size, training.density)
        self.layers = nn.ModuleList(DialogueLayer(shape, training) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.size, eps=NORM_EPSILON)
        self.embed = nn.Linear(shape.size, shape.embedding)
        self.embed_label = nn.Linear(shape.encoding, shape.embedding)
        self.drop = nn.Dropout(training.dropout)
        self.drop_dialogue = nn.Dropout(training.dropout_dialogue)
        self.drop_label = nn.Dropout(training.dropout_label)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: Mapping[str, Tensor], moments: Tensor) -> Tensor:
        """Points of conversations.

        Args:
            features: of each part of distinct moments. Shapes: (S, F).
            moments: which moments a conversation has, in the order they are read; NO_MOMENT after the last.
                Shapes: (B, D).

        Returns:
            Points of the first moment of each window, or of all moments of whole conversations.
            Shapes: (B, 1 or D, E)
        """
        shown, where = torch.unique(moments, return_inverse=True)
        distinct = self.input(self._turns({part: values[shown] for part, values in features.items()}))
        length = moments.shape[1]
        hidden = distinct[where] * self.shape.size**0.5 + torch.from_numpy(places(length, self.shape.size))
        hidden = self.drop_dialogue(hidden)  # (B, D, H)
        seen = (moments != NO_MOMENT)[:, None, None, :]
        if not self.shape.window:
            seen = seen & torch.ones(length, length, dtype=torch.bool).tril()
        for number, layer in enumerate(self.layers):
            is_last = number == len(self.layers) - 1
            hidden = layer(hidden, seen, 1 if is_last and self.shape.window else length)
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
        values = drop(values)
        dense = values if part == NAMES else self._dense(part, values)
        encoded = fn.gelu(self.encode[part](dense), approximate="tanh")
        out: Tensor = self.drop_dialogue(encoded) * present
        return out

    def forget_unseen(self, features: Mapping[str, Tensor]) -> None:
        """Let what no example had, an intent of no story say, tell nothing instead of something by chance."""
        with torch.no_grad():
            for part, values in features.items():
                layer = self.dense[part] if self.shape.has(part) else None
                if isinstance(layer, nn.Linear):
                    layer.weight *= values.any(0)

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
            out = {name: value for name, value in out.items() if not name.startswith("encode.label_")}
            out["labels"] = self.label_points(labels).numpy().copy()
        return out
