"""JointClassifier: intent and entities from one set of features, quick to train and to ask.

Design and sources: docs/nlu.md. The intent is a linear softmax over the encoder's sentence vector and hashed
n-grams, with the intents' own names as further examples; entities come from a small transformer with a CRF over
a mix of the encoder's layers and word shapes. Both train in PyTorch and serve in numpy.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import DataError
from shoptalk.nlu.component import ENTITIES, FEATURES, INTENT
from shoptalk.nlu.entity_tagger import EntityTagger
from shoptalk.nlu.linear_head import Calibration, LinearHead, Rows, calibrate, train_head
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.scope import Prototypes, keep_threshold, nested, scope_score, unnested

logger = logging.getLogger(__name__)

NAME = "JointClassifier"

DEFAULTS: dict[str, Any] = {
    "intent_classification": True,
    "entity_recognition": True,
    "ranking_length": 10,
    "label_names": True,
    "epochs": 10,
    "learning_rate": 0.01,
    "weight_decay": 0.6,
    "dropout": 0.3,
    "entity_epochs": 8,
    "entity_rate": 1e-3,
    "entity_hidden": 256,
    "held_out": 0.12,
    "scope_keep": 0.95,
    "random_seed": 13,
}

FEW_CHANGES = 0.1
"""Share of changed examples up to which training continues from the earlier state."""

RIVALS = 3
"""Labels whose examples are compared with a text for the out-of-scope score."""


class JointClassifier:
    """Intent with calibrated confidence, ranking, out-of-scope score, and entities with roles and groups.

    Keys: `intent_classification`, `entity_recognition` (switch halves off), `ranking_length`, `label_names`
    (intent names as examples), `epochs`, `learning_rate`, `weight_decay`, `dropout` (intent head),
    `entity_epochs`, `entity_rate`, `entity_hidden` (tagger), `held_out` (share for calibration), `scope_keep`
    (share of in-scope messages the out-of-scope threshold lets pass), `random_seed`, `featurizers`.
    """

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (INTENT, ENTITIES)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._head: LinearHead | None = None
        self._prototypes: Prototypes | None = None
        self._tagger: EntityTagger | None = None
        self._threshold: float | None = None
        self._earlier: JointClassifier | None = None
        self._seen: list[str] = []
        self._figures: dict[str, Any] = {}

    def extra_examples(self, data: TrainingData) -> list[Example]:
        """Each intent's name as one more example of it."""
        if not (self.options["label_names"] and self.options["intent_classification"]):
            return []
        names = sorted(data.intents)
        return [Example(name.replace("_", " ").replace("+", " "), name) for name in names]

    def warm_start(self, saved: Saved) -> None:
        """Continue from an earlier training where little has changed."""
        self._earlier = type(self).load(dict(self.options), saved)

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Train both halves on what the featurizers wrote.

        Raises:
            DataError: there is no example to learn from.
        """
        self._figures = {}
        labelled = [m for m in messages if m.example and m.example.intent]
        if self.options["intent_classification"] and labelled:
            self._train_intents(labelled)
        elif self.options["intent_classification"]:
            raise DataError(
                "There is no example with an intent.",
                hint="Add `- intent: greet` with `examples:` to data/nlu.yml.",
            )
        examples = {id(e) for e in data.examples}
        texts = [m for m in messages if m.example is not None and id(m.example) in examples]
        annotated = [m for m in texts if m.example and m.example.entities]
        if self.options["entity_recognition"] and annotated:
            earlier = self._earlier._tagger if self._earlier else None
            warm = earlier if earlier is not None and self._few_changes(labelled) else None
            self._tagger = EntityTagger.train(_with_plain(texts, annotated), self.options, warm)
            self._figures["annotated"] = len(annotated)
        self._earlier = None

    def _train_intents(self, messages: list[Message]) -> None:
        names = [m.example.intent or "" for m in messages if m.example]
        if len(set(names)) < 2:
            logger.warning("JointClassifier: fewer than two intents; every message gets %r.", names[0])
        self._seen = sorted({_digest(m.text) for m in messages})
        rows = Rows.of(messages, self.options["featurizers"])
        settings = {
            "epochs": self.options["epochs"],
            "dense_rate": self.options["learning_rate"],
            "sparse_rate": 2 * self.options["learning_rate"],
            "decay": self.options["weight_decay"],
            "dropout": self.options["dropout"],
            "seed": self.options["random_seed"],
        }
        earlier = self._earlier if self._few_changes(messages) else None
        head = train_head(rows, names, settings, earlier._head if earlier else None)
        numbers = {label: number for number, label in enumerate(head.labels)}
        expected = np.asarray([numbers[name] for name in names], np.int64)
        if rows.dense.shape[1]:
            texts = [m.text for m in messages]
            self._prototypes = Prototypes.fit(rows.dense, expected, texts, len(head.labels))
        if earlier is not None and earlier._head is not None:
            self._head = replace(head, temperature=earlier._head.temperature)
            self._threshold = earlier._threshold
            self._figures["warm"] = True
            return
        share, seed = self.options["held_out"], self.options["random_seed"]
        held = calibrate(rows, names, settings, share, seed) if len(head.labels) > 1 else None
        self._head = replace(head, temperature=held.temperature) if held else head
        if held:
            self._choose_threshold(rows, held, expected)

    def _choose_threshold(self, rows: Rows, held: Calibration, expected: np.ndarray[Any, Any]) -> None:
        head = self._head
        if head is None or self._prototypes is None:
            return
        rest = np.setdiff1d(np.arange(len(expected)), held.places)
        texts = [""] * len(rest)
        others = Prototypes.fit(rows.dense[rest], expected[rest], texts, len(head.labels))
        scores = []
        for place, logits in zip(held.places, held.logits, strict=True):
            confidence, order = _ranked(logits / head.temperature)
            cosine = others.nearest(rows.dense[place], order[:RIVALS])[0][0]
            scores.append(scope_score(confidence, cosine))
        self._threshold = keep_threshold(scores, self.options["scope_keep"])
        self._figures.update(
            held_out=len(held.places),
            held_out_accuracy=round(held.accuracy, 4),
            temperature=round(head.temperature, 3),
            scope_threshold=round(self._threshold, 4),
        )

    def _few_changes(self, messages: list[Message]) -> bool:
        if self._earlier is None or not self._earlier._seen:
            return False
        before, now = set(self._earlier._seen), {_digest(m.text) for m in messages}
        return len(before ^ now) <= FEW_CHANGES * max(len(before), 1)

    def process(self, messages: list[Message]) -> None:
        """Write intent, ranking, scope score and entities."""
        if self._head is not None:
            rows = Rows.of(messages, self.options["featurizers"])
            chances = self._head.probabilities(rows)
            for row, message in enumerate(messages):
                self._write_intent(message, chances[row], rows, row)
        if self._tagger is not None:
            for message in messages:
                message.entities.extend(self._tagger.find(message, NAME))

    def _write_intent(self, message: Message, chances: Any, rows: Rows, row: int) -> None:
        head = self._head
        if head is None:
            return
        order = np.argsort(-chances, kind="stable")[: max(self.options["ranking_length"], RIVALS)].tolist()
        ranking = [{"name": head.labels[i], "confidence": float(chances[i])} for i in order]
        message.intent = dict(ranking[0])
        message.ranking = ranking[: self.options["ranking_length"]]
        if self._prototypes is None:
            return
        near = self._prototypes.nearest(rows.dense[row], order[:RIVALS], count=5 if message.explain else 1)
        score = scope_score(float(chances[order[0]]), near[0][0]) if near else 0.0
        message.output["scope"] = {"score": round(score, 4), "threshold": self._threshold}
        if message.explain:
            message.notes[NAME] = {
                "nearest": [
                    {"cosine": round(cosine, 3), "intent": head.labels[label], "text": text}
                    for cosine, label, text in near
                ],
                "margin": round(float(chances[order[0]] - chances[order[1]]), 4) if len(order) > 1 else 1.0,
                "scope": message.output["scope"],
            }

    def report(self) -> dict[str, Any]:
        """What the held-out part says, the chosen threshold, and whether training was warm."""
        return dict(self._figures)

    def save(self) -> Saved:
        """All parts as one state."""
        state = nested(
            {
                "head": self._head.save() if self._head else None,
                "prototypes": self._prototypes.save() if self._prototypes else None,
                "tagger": self._tagger.save() if self._tagger else None,
            }
        )
        own = {"threshold": self._threshold, "figures": self._figures, "seen": self._seen}
        return Saved({**state.config, **own}, state.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        head, prototypes, tagger = (unnested(saved, name) for name in ("head", "prototypes", "tagger"))
        component._head = LinearHead.load(head) if head else None
        component._prototypes = Prototypes.load(prototypes) if prototypes else None
        component._tagger = EntityTagger.load(tagger, component.options["featurizers"]) if tagger else None
        component._threshold = saved.config["threshold"]
        component._seen = list(saved.config["seen"])
        component._figures = dict(saved.config["figures"])
        return component


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _ranked(logits: Any) -> tuple[float, list[int]]:
    shifted = np.exp(logits - logits.max())
    order = np.argsort(-logits, kind="stable").tolist()
    return float(shifted[order[0]] / shifted.sum()), order


def _with_plain(texts: list[Message], annotated: list[Message]) -> list[Message]:
    """Annotated texts, and of the others at most as many: enough to learn what is no entity."""
    plain = [m for m in texts if m.example and not m.example.entities]
    step = max(1, round(len(plain) / max(1, len(annotated))))
    return annotated + plain[::step]
