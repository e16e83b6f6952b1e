"""The entity half of JointClassifier: learns tags of words, finds entities."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.core.training_data import EntitySpan
from shoptalk.encoders.torch_runtime import has_bfloat16
from shoptalk.encoders.upper import UpperLayers, pretrained_upper
from shoptalk.networks.inference import Tagging
from shoptalk.networks.shapes import EncoderShape, TaggerShape
from shoptalk.nlu.message import Message
from shoptalk.nlu.shapes import shape_columns
from shoptalk.nlu.tags import allowed_moves, decode_spans, encode_spans, tag_names

if TYPE_CHECKING:
    from shoptalk.networks.tagger_training import TaggerText

COLUMNS = 16_384
HEADS = 4
UPPER = "upper."
"""Names of the tuned layers' parameters begin so."""
LONGEST = 512
"""Words looked at; encoders see no more of a text either."""

WARM_RATE = 2e-4
"""Of a short pass: more of it undoes what the long training settled."""
REPLAYED = 1200
"""At least so many known texts are seen again with new ones, so that nothing is forgotten."""
REPLAYED_EACH = 2
"""Known texts seen again for each new one."""
FEW, TIMES = 40, 4
"""Fewer new texts than this are seen so many times: one step would hardly teach a single one."""


class EntityTagger:
    """A trained tagger with its tags.

    Args:
        tags: names by number.
        state: parameters by name.
        origins: featurizers whose hidden layers it reads.
        upper: shape of the encoder's layers that it has tuned.
    """

    def __init__(
        self,
        tags: Sequence[str],
        state: dict[str, NDArray[Any]],
        origins: Sequence[str] = (),
        upper: EncoderShape | None = None,
    ) -> None:
        from shoptalk.networks.inference import TaggerRunner

        self.tags, self.state, self.origins = list(tags), state, origins
        self._runner = TaggerRunner(state, HEADS)
        self._upper = _upper_layers(state, upper) if upper else None
        self.upper = upper

    @classmethod
    def train(
        cls,
        messages: Sequence[Message],
        options: dict[str, Any],
        start: EntityTagger | None = None,
        labels: Sequence[int] = (),
        fresh: Collection[int] = (),
    ) -> Self:
        """Learn from messages.

        Args:
            messages: featurised examples with their annotations.
            options: settings of JointClassifier.
            start: continue where this one ended, if tags and sizes are the same.
            labels: the intent's number of each message, -1 where it shall not be learnt; empty for no intents.
            fresh: places of the messages that `start` has not learnt.
        """
        from shoptalk.networks.tagger_training import TaggerSettings, fit_tagger

        upper, pretrained = _pretrained(messages[0], options)
        spans = [_spans(m, roles=options["entity_roles"]) for m in messages]
        tags = tag_names(span for some in spans for span in some)
        layers = _layers(messages[0], options["featurizers"])
        shape = TaggerShape(
            layers=0 if layers is None else layers.shape[0],
            width=layers.shape[2] if layers is not None else upper.hidden if upper else 0,
            columns=COLUMNS,
            hidden=options["entity_hidden"],
            heads=HEADS,
            tags=len(tags),
            labels=max(labels) + 1 if labels else 0,
            upper=upper,
        )
        warm = start is not None and start.tags == tags and start.fits(shape)
        seed = options["random_seed"]
        places = replayed(fresh, len(messages), seed) if warm else range(len(messages))
        numbers = {tag: number for number, tag in enumerate(tags)}
        texts = [
            _text(
                messages[place],
                encode_spans(messages[place].tokens[:LONGEST], spans[place], numbers),
                labels[place] if labels else -1,
                options["featurizers"],
            )
            for place in places
        ]
        epochs = options["tune_epochs"] if upper else options["entity_epochs"]
        settings = TaggerSettings(
            epochs=1 if warm else epochs,
            rate=WARM_RATE if warm else options["entity_rate"],
            tune=options["tune_rate"] / 4 if warm else options["tune_rate"],
            seed=seed,
            half=has_bfloat16(),
        )
        begin = start.state if warm and start else pretrained
        state = fit_tagger(texts, shape, allowed_moves(tags), settings, begin)
        return cls(tags, state, options["featurizers"], upper)

    @property
    def votes(self) -> bool:
        """Whether it has an opinion on intents."""
        return "vote.bias" in self.state

    def fits(self, shape: TaggerShape) -> bool:
        """Whether its parameters have this shape."""
        tuned = self.upper.layers if self.upper else 0
        mixed = len(self.state["mix"]) - tuned if "mix" in self.state else 0
        width = self.state["project.weight"].shape[1] if "mix" in self.state else 0
        votes = len(self.state["vote.bias"]) if "vote.bias" in self.state else 0
        return (self.upper, mixed, width, votes, self.state["bag.weight"].shape) == (
            shape.upper,
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
        vectors = None if layers is None else layers[:, :LONGEST]
        below = message.subwords(self.origins)
        if self._upper is None or below is None:
            return self._runner.run(vectors, columns, offsets)
        tuned = self._upper.run(below.hidden)  # (k, S, H)
        words = _means(tuned, below.ranges[:LONGEST])
        vectors = words if vectors is None else np.concatenate([vectors, words])
        return self._runner.run(vectors, columns, offsets, tuned[-1].mean(axis=0))

    def entities(self, message: Message, found: Tagging, extractor: str) -> list[dict[str, Any]]:
        """The entities that tags mean."""
        tokens = message.tokens[: len(found.tags)]
        return decode_spans(message.text, tokens, self.tags, found.tags.tolist(), found.marginals, extractor)

    def save(self) -> Saved:
        """Tags and parameters; the large ones as 16-bit floats."""
        tensors = {
            name: value.astype(np.float16) if name == "bag.weight" or name.startswith(UPPER) else value
            for name, value in self.state.items()
        }
        return Saved({"tags": self.tags, "upper": asdict(self.upper) if self.upper else None}, tensors)

    @classmethod
    def load(cls, saved: Saved, origins: Sequence[str] = ()) -> Self:
        """As it was."""
        state = {
            name: value.astype(np.float32) if value.dtype == np.float16 else value
            for name, value in saved.tensors.items()
        }
        upper = saved.config.get("upper")
        return cls(saved.config["tags"], state, origins, EncoderShape(**upper) if upper else None)


def replayed(fresh: Collection[int], count: int, seed: int) -> list[int]:
    """Places of a short pass among `count` texts: those of `fresh`, and a sample of the others."""
    known = np.setdiff1d(np.arange(count), list(fresh))
    some = min(len(known), max(REPLAYED, REPLAYED_EACH * len(fresh)))
    sample = np.random.default_rng([seed, count]).choice(known, some, replace=False)
    return [*sorted(fresh) * (TIMES if len(fresh) < FEW else 1), *sample.tolist()]


def _pretrained(
    message: Message, options: dict[str, Any]
) -> tuple[EncoderShape | None, dict[str, NDArray[Any]] | None]:
    """Shape and parameters of the encoder's layers to be tuned, where the featurizer left them to us."""
    below = message.subwords(options["featurizers"])
    if below is None:
        return None, None
    shape, state = pretrained_upper(below.model, below.upper)
    return shape, {f"{UPPER}{name}": value for name, value in state.items()}


def _spans(message: Message, *, roles: bool) -> list[EntitySpan]:
    """What is annotated, without roles where another component tells them."""
    found = message.example.entities if message.example else ()
    return [span if roles else replace(span, role=None) for span in found]


def _text(message: Message, tags: Sequence[int], label: int, origins: Sequence[str]) -> TaggerText:
    """A message as the network learns it."""
    from shoptalk.networks.tagger_training import TaggerText

    tokens = message.tokens[:LONGEST]
    layers, below = _layers(message, origins), message.subwords(origins)
    columns, offsets = shape_columns(tokens, COLUMNS)
    vectors = None if layers is None else layers[:, :LONGEST]
    hidden, ranges = (None, None) if below is None else (below.hidden, below.ranges[:LONGEST])
    return TaggerText(vectors, columns, offsets, np.asarray(tags, np.int64), label, hidden, ranges)


def _upper_layers(state: dict[str, NDArray[Any]], shape: EncoderShape) -> UpperLayers:
    own = {name.removeprefix(UPPER): value for name, value in state.items() if name.startswith(UPPER)}
    return UpperLayers(shape, own)


def _means(hidden: NDArray[Any], ranges: NDArray[np.int64]) -> NDArray[np.float32]:
    """(L, T, H) means over each word's sub-words of (L, S, H); zero for a word without any."""
    begin, end = ranges[:, 0], ranges[:, 1]
    sums = np.concatenate([np.zeros_like(hidden[:, :1]), hidden.cumsum(axis=1)], axis=1)
    out: NDArray[np.float32] = (sums[:, end] - sums[:, begin]) / np.maximum(end - begin, 1)[None, :, None]
    return out.astype(np.float32)


def _layers(message: Message, origins: Sequence[str]) -> NDArray[Any] | None:
    """(L, T, width): the encoder's hidden layers, or one layer of other dense features, or nothing."""
    layers = message.layers(origins)
    if layers is not None:
        return layers
    dense = message.dense_tokens(origins)
    return None if dense is None else dense[None]
