"""SentimentClassifier: how a message sounds, and whether somebody should act at once.

Two linear heads over the features that the pipeline has already made, so a message costs two small products and
no further model.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import ConfigError, DataError
from shoptalk.formats import sentiment as sentiment_format
from shoptalk.nlu.calibration import fit_temperature, split_held_out
from shoptalk.nlu.component import ENTITIES, FEATURES
from shoptalk.nlu.linear_head import LinearHead, Rows, train_head
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.scope import nested, unnested

NAME = "SentimentClassifier"
SENTIMENT, URGENCY = "sentiment", "urgency"
URGENT, NORMAL = "urgent", "normal"

DEFAULTS: dict[str, Any] = {
    "examples": None,
    "entities": True,
    "urgency_threshold": 0.5,
    "least_urgent_words": 2,
    "epochs": 15,
    "least_steps": 300,
    "learning_rate": 0.01,
    "weight_decay": 1.0,
    "dropout": 0.3,
    "held_out": 0.2,
    "random_seed": 13,
}


class SentimentClassifier:
    """Adds `sentiment` and `urgency` to the parse result, and, with `entities`, an entity of each name.

    `sentiment.label` is negative, neutral or positive; `urgency.label` is urgent or normal. The entities span the
    whole text, so that a slot with a mapping `from_entity` follows how the shopper sounds from turn to turn.

    Keys: `examples` (a file or folder of the project, relative to where training runs), `entities`,
    `urgency_threshold` (from which confidence a message is urgent), `least_urgent_words` (shorter messages never
    are), `epochs`, `least_steps`, `learning_rate`, `weight_decay`, `dropout`, `held_out` (share for calibration),
    `random_seed`, `featurizers`.
    """

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._heads: dict[str, LinearHead] = {}
        self._figures: dict[str, Any] = {}
        self._labels: dict[int, tuple[str, str]] = {}
        self._earlier: Saved | None = None
        self._digest = ""

    def warm_start(self, saved: Saved) -> None:
        """Take the heads of an earlier training if they would be learnt from the same features and labels."""
        self._earlier = saved

    def extra_examples(self, data: TrainingData) -> list[Example]:
        """The texts to learn from; they take no part in anything else.

        Raises:
            ConfigError, DataError: there are none, or the file is malformed.
        """
        if not isinstance(self.options["examples"], str):
            raise ConfigError(
                f"config.yml: {NAME} has no `examples`.",
                hint="Name a file or folder: `examples: data/sentiment`.",
            )
        felt = sentiment_format.load(Path(self.options["examples"]))
        examples = [Example(one.text, None, source=one.source) for one in felt]
        self._labels = {
            id(example): (one.label, URGENT if one.urgent else NORMAL)
            for example, one in zip(examples, felt, strict=True)
        }
        return examples

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Train both heads.

        Raises:
            DataError: the examples have one label only.
        """
        own = [(m, self._labels[id(m.example)]) for m in messages if id(m.example) in self._labels]
        rows = Rows.of([message for message, _ in own], self.options["featurizers"])
        labelled = [labels for _, labels in own]
        self._digest = _digest(rows, labelled)
        self._labels = {}
        earlier, self._earlier = self._earlier, None
        if earlier is not None and earlier.config["digest"] == self._digest:
            self._restore(earlier)
            self._figures["warm"] = True
            return
        self._figures = {"examples": len(own), "warm": False}
        for place, kind in enumerate((SENTIMENT, URGENCY)):
            names = [labels[place] for labels in labelled]
            if len(set(names)) < 2:
                raise DataError(
                    f"All examples of {NAME} have the {kind} {names[0]!r}.",
                    hint="Add examples of the others to " + str(self.options["examples"]) + ".",
                )
            self._heads[kind] = self._fit(kind, rows, names)

    def _fit(self, kind: str, rows: Rows, names: list[str]) -> LinearHead:
        settings = {
            "epochs": self.options["epochs"],
            "least_steps": self.options["least_steps"],
            "dense_rate": self.options["learning_rate"],
            "sparse_rate": 2 * self.options["learning_rate"],
            "decay": self.options["weight_decay"],
            "dropout": self.options["dropout"],
            "seed": self.options["random_seed"],
        }
        fit, held = split_held_out(names, self.options["held_out"], self.options["random_seed"])
        head = train_head(rows, names, settings)
        if not len(held):
            return head
        trial = train_head(rows.take(fit), [names[i] for i in fit], settings)
        if trial.labels != head.labels:
            return head
        expected = np.asarray([trial.labels.index(names[i]) for i in held], np.int64)
        logits = trial.logits(rows.take(held))
        temperature = fit_temperature(logits, expected)
        self._figures[f"{kind}_held_out_accuracy"] = round(
            float((logits.argmax(axis=1) == expected).mean()), 4
        )
        return LinearHead(head.labels, head.dense, head.sparse, head.bias, temperature)

    def process(self, messages: list[Message]) -> None:
        """Write the two keys and the entities."""
        if not self._heads:
            return
        rows = Rows.of(messages, self.options["featurizers"])
        chances = {kind: head.probabilities(rows) for kind, head in self._heads.items()}
        for place, message in enumerate(messages):
            scores = {
                kind: dict(zip(head.labels, map(float, chances[kind][place]), strict=True))
                for kind, head in self._heads.items()
            }
            self._write(message, SENTIMENT, max(scores[SENTIMENT], key=scores[SENTIMENT].__getitem__), scores)
            urgent = (
                scores[URGENCY][URGENT] >= self.options["urgency_threshold"]
                and len(message.tokens or message.text.split()) >= self.options["least_urgent_words"]
            )
            self._write(message, URGENCY, URGENT if urgent else NORMAL, scores)
            if message.explain:
                message.notes[NAME] = {
                    kind: {label: round(score, 4) for label, score in found.items()}
                    for kind, found in scores.items()
                }

    def _write(self, message: Message, kind: str, label: str, scores: dict[str, dict[str, float]]) -> None:
        score = scores[kind][label]
        message.output[kind] = {"label": label, "score": round(score, 4)}
        if self.options["entities"]:
            message.entities.append(
                {
                    "entity": kind,
                    "start": 0,
                    "end": len(message.text),
                    "value": label,
                    "confidence_entity": score,
                    "extractor": NAME,
                }
            )

    def report(self) -> dict[str, Any]:
        """How many examples there were, and accuracy on those held out."""
        return dict(self._figures)

    def save(self) -> Saved:
        """Both heads."""
        state = nested({kind: head.save() for kind, head in self._heads.items()})
        return Saved({**state.config, "figures": self._figures, "digest": self._digest}, state.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._restore(saved)
        return component

    def _restore(self, saved: Saved) -> None:
        for kind in (SENTIMENT, URGENCY):
            state = unnested(saved, kind)
            if state is not None:
                self._heads[kind] = LinearHead.load(state)
        self._figures, self._digest = dict(saved.config["figures"]), saved.config["digest"]


def _digest(rows: Rows, labels: list[tuple[str, str]]) -> str:
    """Of everything the heads are learnt from."""
    sparse = rows.sparse
    arrays: list[NDArray[Any]] = [rows.dense]
    if sparse is not None:
        arrays += [sparse.indptr, sparse.columns, sparse.values]
    shapes = [array.shape for array in arrays], sparse.width if sparse else 0
    digest = hashlib.blake2b(repr((labels, shapes)).encode(), digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()
