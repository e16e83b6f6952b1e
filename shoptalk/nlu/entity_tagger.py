"""The entity half of JointClassifier: learns tags of words, finds entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.networks.inference import Tagging
from shoptalk.networks.shapes import TaggerShape
from shoptalk.nlu.message import Message
from shoptalk.nlu.shapes import shape_columns
from shoptalk.nlu.tags import allowed_moves, decode_spans, encode_spans, tag_names

COLUMNS = 16_384
HEADS = 4
LONGEST = 512
"""Words looked at; encoders see no more of a text either."""


class EntityTagger:
    """A trained tagger with its tags.

    Args:
        tags: names by number.
        state: parameters by name.
        origins: featurizers whose hidden layers it reads.
    """

    def __init__(
        self, tags: Sequence[str], state: dict[str, NDArray[Any]], origins: Sequence[str] = ()
    ) -> None:
        from shoptalk.networks.inference import TaggerRunner

        self.tags, self.state, self.origins = list(tags), state, origins
        self._runner = TaggerRunner(state, HEADS)

    @classmethod
    def train(
        cls,
        messages: Sequence[Message],
        options: dict[str, Any],
        start: EntityTagger | None = None,
        labels: Sequence[int] = (),
    ) -> Self:
        """Learn from messages.

        Args:
            messages: featurised examples with their annotations.
            options: settings of JointClassifier.
            start: continue where this one ended, if tags and sizes are the same.
            labels: the intent's number of each message, -1 where it shall not be learnt; empty for no intents.
        """
        from shoptalk.networks.tagger_training import TaggerSettings, TaggerText, fit_tagger

        examples = [m.example for m in messages if m.example is not None]
        tags = tag_names(span for example in examples for span in example.entities)
        numbers = {tag: number for number, tag in enumerate(tags)}
        texts = []
        for place, message in enumerate(messages):
            spans = message.example.entities if message.example else ()
            tokens = message.tokens[:LONGEST]
            layers = _layers(message, options["featurizers"])
            columns, offsets = shape_columns(tokens, COLUMNS)
            encoded = np.asarray(encode_spans(tokens, spans, numbers), np.int64)
            vectors = None if layers is None else layers[:, :LONGEST]
            texts.append(TaggerText(vectors, columns, offsets, encoded, labels[place] if labels else -1))
        first = texts[0].vectors
        shape = TaggerShape(
            layers=0 if first is None else first.shape[0],
            width=0 if first is None else first.shape[2],
            columns=COLUMNS,
            hidden=options["entity_hidden"],
            heads=HEADS,
            tags=len(tags),
            labels=max(labels) + 1 if labels else 0,
        )
        warm = start is not None and start.tags == tags and start.fits(shape)
        settings = TaggerSettings(
            epochs=1 if warm else options["entity_epochs"],
            rate=5e-4 if warm else options["entity_rate"],
            seed=options["random_seed"],
        )
        state = fit_tagger(
            texts, shape, allowed_moves(tags), settings, start.state if warm and start else None
        )
        return cls(tags, state, options["featurizers"])

    @property
    def votes(self) -> bool:
        """Whether it has an opinion on intents."""
        return "vote.bias" in self.state

    def fits(self, shape: TaggerShape) -> bool:
        """Whether its parameters have this shape."""
        mixed = len(self.state["mix"]) if "mix" in self.state else 0
        width = self.state["project.weight"].shape[1] if mixed else 0
        votes = len(self.state["vote.bias"]) if "vote.bias" in self.state else 0
        return (mixed, width, votes, self.state["bag.weight"].shape) == (
            shape.layers,
            shape.width,
            shape.labels,
            (shape.columns, shape.hidden),
        )

    def run(self, message: Message) -> Tagging | None:
        """Tags and votes of a message; None without words."""
        tokens = message.tokens[:LONGEST]
        if not tokens:
            return None
        columns, offsets = shape_columns(tokens, COLUMNS)
        layers = _layers(message, self.origins)
        return self._runner.run(None if layers is None else layers[:, :LONGEST], columns, offsets)

    def entities(self, message: Message, found: Tagging, extractor: str) -> list[dict[str, Any]]:
        """The entities that tags mean."""
        tokens = message.tokens[: len(found.tags)]
        return decode_spans(message.text, tokens, self.tags, found.tags.tolist(), found.marginals, extractor)

    def save(self) -> Saved:
        """Tags and parameters; the large table as 16-bit floats."""
        tensors = {
            name: value.astype(np.float16) if name == "bag.weight" else value
            for name, value in self.state.items()
        }
        return Saved({"tags": self.tags}, tensors)

    @classmethod
    def load(cls, saved: Saved, origins: Sequence[str] = ()) -> Self:
        """As it was."""
        state = {
            name: value.astype(np.float32) if value.dtype == np.float16 else value
            for name, value in saved.tensors.items()
        }
        return cls(saved.config["tags"], state, origins)


def _layers(message: Message, origins: Sequence[str]) -> NDArray[Any] | None:
    """(L, T, width): the encoder's hidden layers, or one layer of other dense features, or nothing."""
    layers = message.layers(origins)
    if layers is not None:
        return layers
    dense = message.dense_tokens(origins)
    return None if dense is None else dense[None]
