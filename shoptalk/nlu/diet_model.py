"""A trained DIET network with its labels and tags: what DIETClassifier and ResponseSelector share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.networks.diet_inference import DietInput, DietRunner
from shoptalk.networks.inference import Floats, softmax
from shoptalk.nlu import diet_options
from shoptalk.nlu.bilou import FAMILIES, Tagged, TagSet, encode, tag_sets
from shoptalk.nlu.message import Message
from shoptalk.nlu.sparse import Sparse

if TYPE_CHECKING:
    from shoptalk.networks.diet import DietShape
    from shoptalk.networks.diet_training import DietText, SparseArrays


TOGETHER = 32
"""Texts that go through the network at once."""


class DietModel:
    """Texts and labels in one space, and tags of words.

    Args:
        labels: names, sorted.
        label_words: bag of words of each label.
        tags: tag families.
        state: parameters by name.
        shape: sizes, as JSON.
        options: the component's settings.
    """

    def __init__(
        self,
        labels: Sequence[str],
        label_words: Sequence[Sequence[str]],
        tags: Mapping[str, TagSet],
        state: dict[str, NDArray[Any]],
        shape: dict[str, Any],
        options: dict[str, Any],
    ) -> None:
        self.labels, self.tags, self.state = tuple(labels), dict(tags), state
        self._words, self._shape, self._options = [list(w) for w in label_words], shape, options
        self._runner = DietRunner(state, layers=shape["layers"], heads=shape["heads"])
        self._label_space = _unit_if(
            diet_options.loss(options).cosine,
            self._runner.embed_labels(_label_bag(self._words))
            if self.labels
            else np.zeros((0, 1), np.float32),
        )

    @classmethod
    def train(
        cls,
        messages: Sequence[Message],
        names: Sequence[str | None],
        label_words: Mapping[str, Sequence[str]],
        options: dict[str, Any],
        start: DietModel | None = None,
    ) -> Self:
        """Learn.

        Args:
            messages: featurised examples.
            names: the label of each, None without.
            label_words: words of each label, by which labels may resemble one another.
            options: Rasa's keys with their values.
            start: an earlier model to continue from if its shape is the same.
        """
        from shoptalk.networks.diet_training import fit_diet

        labels = sorted({name for name in names if name}) if options["intent_classification"] else []
        words = [list(label_words[label]) for label in labels]
        numbers = {label: number for number, label in enumerate(labels)}
        spans = [span for m in messages if m.example for span in m.example.entities]
        tags = tag_sets(spans, options["BILOU_flag"]) if options["entity_recognition"] else {}
        texts = [
            _text(message, numbers.get(name or "", -1), tags, options["featurizers"])
            for message, name in zip(messages, names, strict=True)
        ]
        bag = _label_bag(words) if labels else None
        shape = _shape(messages[0], options, len(labels), bag, tags)
        plain = _plain_shape(shape)
        warm = (
            start is not None
            and start._shape == plain
            and start.labels == tuple(labels)
            and start.tags == tags
        )
        state = fit_diet(
            texts,
            _arrays(bag),
            shape,
            tuple(tags[f].moves() if f in tags else None for f in FAMILIES),
            diet_options.rates(options),
            diet_options.loss(options),
            diet_options.settings(options, warm),
            start.state if warm and start is not None else None,
        )
        return cls(labels, words, tags, state, plain, options)

    def encode(self, messages: Sequence[Message]) -> list[tuple[Floats, Floats]]:
        """Words (T, out) and the whole text (out,) of each message."""
        origins = self._options["featurizers"]
        given = [
            DietInput(
                len(message.tokens),
                message.sparse_tokens(origins),
                message.dense_tokens(origins),
                message.sparse_sentence(origins),
                message.dense_sentence(origins),
            )
            for message in messages
        ]
        return [
            pair
            for at in range(0, len(given), TOGETHER)
            for pair in self._runner.encode(given[at : at + TOGETHER])
        ]

    def rank(self, whole: Floats) -> list[tuple[str, float]]:
        """Labels by confidence; beyond `ranking_length` they are dropped."""
        text = self._runner.embed_text(whole)
        cosine = diet_options.loss(self._options).cosine
        confidences = softmax(self._label_space @ _unit_if(cosine, text))
        order = np.argsort(-confidences, kind="stable")
        length = self._options["ranking_length"]
        if length:
            order = order[:length]
        if self._options["renormalize_confidences"]:
            confidences = confidences / confidences[order].sum()
        return [(self.labels[i], float(confidences[i])) for i in order]

    def tag(self, words: Floats) -> dict[str, Tagged]:
        """Tags of each family, with the probability of each at its word."""
        out: dict[str, Tagged] = {}
        for family, tagging in self._runner.tag(words).items():
            names = self.tags[family].tags
            chances = tagging.marginals[np.arange(len(tagging.tags)), tagging.tags]
            out[family] = Tagged([names[i] for i in tagging.tags], chances.tolist())
        return out

    def save(self) -> Saved:
        """Names, shape and parameters."""
        tags = {family: {"names": list(t.names), "bilou": t.bilou} for family, t in self.tags.items()}
        config = {"labels": list(self.labels), "label_words": self._words, "tags": tags, "shape": self._shape}
        return Saved(config, self.state)

    @classmethod
    def load(cls, saved: Saved, options: dict[str, Any]) -> Self:
        """As it was."""
        c = saved.config
        tags = {family: TagSet(tuple(t["names"]), t["bilou"]) for family, t in c["tags"].items()}
        return cls(c["labels"], c["label_words"], tags, dict(saved.tensors), c["shape"], options)


def words_of(label: str, symbol: str | None) -> list[str]:
    """Words of a label: its parts between `symbol`, or the label as a whole."""
    parts = label.lower().split(symbol) if symbol else [label.lower()]
    return [part for part in parts if part] or [label]


def _text(message: Message, label: int, tags: Mapping[str, TagSet], origins: Sequence[str]) -> DietText:
    from shoptalk.networks.diet_training import DietText

    spans = message.example.entities if message.example else ()
    numbers = [
        np.asarray(encode(message.tokens, spans, family, tags[family]), np.int64) if family in tags else None
        for family in FAMILIES
    ]
    return DietText(
        len(message.tokens),
        _arrays(message.sparse_tokens(origins)),
        message.dense_tokens(origins),
        _arrays(message.sparse_sentence(origins)),
        message.dense_sentence(origins),
        label,
        (numbers[0], numbers[1], numbers[2]),
    )


def _arrays(sparse: Sparse | None) -> SparseArrays | None:
    from shoptalk.networks.diet_training import SparseArrays

    return None if sparse is None else SparseArrays(sparse.indptr, sparse.columns, sparse.values)


def _label_bag(words: Sequence[Sequence[str]]) -> Sparse:
    columns = {word: column for column, word in enumerate(sorted({w for label in words for w in label}))}
    rows: list[dict[int, float]] = []
    for label in words:
        row: dict[int, float] = {}
        for word in label:
            row[columns[word]] = row.get(columns[word], 0.0) + 1.0
        rows.append(row)
    return Sparse.from_rows(rows, len(columns))


def _shape(
    message: Message, options: dict[str, Any], labels: int, bag: Sparse | None, tags: Mapping[str, TagSet]
) -> DietShape:
    from shoptalk.networks.diet import DietShape

    origins = options["featurizers"]
    sparse_tokens, sparse_sentence = message.sparse_tokens(origins), message.sparse_sentence(origins)
    dense_tokens, dense_sentence = message.dense_tokens(origins), message.dense_sentence(origins)
    counts = [len(tags[f].tags) if f in tags else 0 for f in FAMILIES]
    layers = options["number_of_transformer_layers"]
    size = options["transformer_size"]
    return DietShape(
        sparse_tokens=sparse_tokens.width if sparse_tokens else 0,
        dense_tokens=dense_tokens.shape[1] if dense_tokens is not None else 0,
        sparse_sentence=sparse_sentence.width if sparse_sentence else 0,
        dense_sentence=dense_sentence.shape[1] if dense_sentence is not None else 0,
        project=diet_options.sizes(options, "dense_dimension", "text"),
        concat=diet_options.sizes(options, "concat_dimension", "text"),
        hidden=tuple(diet_options.sizes(options, "hidden_layers_sizes", "text") or ()),
        size=size if size and size > 0 else 256,
        layers=layers,
        heads=options["number_of_attention_heads"],
        label_width=bag.width if bag else 0,
        label_project=diet_options.sizes(options, "dense_dimension", "label"),
        label_hidden=tuple(diet_options.sizes(options, "hidden_layers_sizes", "label") or ()),
        labels=labels,
        embed=options["embedding_dimension"],
        tags=(counts[0], counts[1], counts[2]),
        density=options["connection_density"],
    )


def _plain_shape(shape: DietShape) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(shape).items()}


def _unit_if(cosine: bool, x: Floats) -> Floats:
    if not cosine:
        return x
    out: Floats = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
    return out
