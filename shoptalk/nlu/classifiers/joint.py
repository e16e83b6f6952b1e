"""JointClassifier: intent and entities from one set of features, quick to train and to ask.

Design and sources: docs/nlu.md. The intent is a linear softmax over the encoder's sentence vector and hashed
n-grams, with the intents' own names as further examples. Entities come from a small transformer with a CRF over
a mix of the encoder's layers and word shapes; where there are enough of them, that network votes on the intent,
too. Both train in PyTorch and serve in numpy.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import DataError
from shoptalk.networks.inference import Tagging, softmax
from shoptalk.nlu.calibration import fit_temperature, log_softmax, split_held_out
from shoptalk.nlu.component import ENTITIES, FEATURES, INTENT
from shoptalk.nlu.entity_tagger import EntityTagger
from shoptalk.nlu.linear_head import LinearHead, Rows, adjusted, train_head
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.scope import Density, Prototypes, ScopeScale, keep_threshold, lead, nested, unnested

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NAME = "JointClassifier"

DEFAULTS: dict[str, Any] = {
    "intent_classification": True,
    "entity_recognition": True,
    "ranking_length": 10,
    "label_names": True,
    "views": True,
    "epochs": 8,
    "learning_rate": 0.02,
    "weight_decay": 1.0,
    "dropout": 0.1,
    "entity_epochs": 6,
    "entity_rate": 1.5e-3,
    "entity_hidden": 256,
    "entity_roles": True,
    "entity_threshold": 0.0,
    "tune_epochs": 4,
    "tune_rate": 1e-4,
    "held_out": 0.12,
    "scope_keep": 0.97,
    "random_seed": 13,
}

FEW_CHANGES = 0.1
"""Share of changed examples up to which training continues from the earlier state."""

LEAST_ANNOTATED = 0.1
"""Share of texts with entities from which the tagger's network also votes on intents."""

LEAST_STEPS = 320
"""Of the optimiser of the intent head, where the examples are few."""

RIVALS = 3
"""Labels among whose examples the nearest are looked for, for people to see."""


class JointClassifier:
    """Intent with calibrated confidence, ranking, out-of-scope score, and entities with roles and groups.

    Keys: `intent_classification`, `entity_recognition` (switch halves off), `ranking_length`, `label_names`
    (intent names as examples), `views` (whether the intent head also looks at the encoder's words: their largest
    values and the mean of a middle layer), `epochs`, `learning_rate`, `weight_decay`, `dropout` (intent head),
    `entity_epochs`, `entity_rate`, `entity_hidden` (tagger), `entity_roles` (false where RoleClassifier tells them),
    `entity_threshold` (entities less sure than this are left out), `tune_epochs`, `tune_rate` (where BertFeaturizer
    leaves layers to be tuned), `held_out` (share for calibration), `scope_keep` (share of in-scope messages the
    out-of-scope threshold lets pass), `random_seed`, `featurizers`.
    """

    form: ClassVar[int] = 2  # the out-of-scope score reads the lead of the largest logit
    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (INTENT, ENTITIES)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._head: LinearHead | None = None
        self._prototypes: Prototypes | None = None
        self._density: Density | None = None
        self._scale = ScopeScale()
        self._tagger: EntityTagger | None = None
        self._threshold: float | None = None
        self._temperature = 1.0
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
        if self.options["intent_classification"] and not labelled:
            raise DataError(
                "There is no example with an intent.",
                hint="Add `- intent: greet` with `examples:` to data/nlu.yml.",
            )
        digests = {id(m): _digest(m.example) for m in messages if m.example}
        self._seen = sorted(set(digests.values()))
        earlier = self._earlier if self._few_changes() else None
        self._earlier = None
        self._figures["warm"] = earlier is not None
        names = [m.example.intent or "" for m in labelled if m.example]
        held = self._held_out(names) if earlier is None else np.zeros(0, np.int64)
        known = set(earlier._seen) if earlier else set()
        fresh = {place for place, digest in digests.items() if digest not in known}
        if self.options["entity_recognition"]:
            voters = names if self.options["intent_classification"] else []
            self._train_tagger(data, messages, voters, held, earlier._tagger if earlier else None, fresh)
        if self.options["intent_classification"]:
            self._train_intents(labelled, names, held, earlier, fresh)
        if len(held) and self._tagger is not None and self._tagger.votes:
            missed = {id(labelled[place]) for place in held}
            self._train_tagger(data, messages, names, np.zeros(0, np.int64), self._tagger, missed)

    def _held_out(self, names: list[str]) -> Ints:
        return split_held_out(names, self.options["held_out"], self.options["random_seed"])[1]

    def _train_tagger(
        self,
        data: TrainingData,
        messages: list[Message],
        names: list[str],
        held: Ints,
        start: EntityTagger | None,
        fresh: set[int],
    ) -> None:
        examples = {id(e) for e in data.examples}
        texts = [m for m in messages if m.example is not None and id(m.example) in examples]
        annotated = [m for m in texts if m.example and m.example.entities]
        self._tagger = None
        tunes = bool(texts) and texts[0].subwords(self.options["featurizers"]) is not None
        if not annotated and not (tunes and len(set(names)) > 1):
            return
        votes = len(set(names)) > 1 and (tunes or len(annotated) >= LEAST_ANNOTATED * len(texts))
        numbers = _labels(messages, names, held) if votes else {}
        chosen = texts if votes else _with_plain(texts, annotated)
        labels = [numbers.get(id(m), -1) for m in chosen] if votes else []
        new = [place for place, m in enumerate(chosen) if id(m) in fresh]
        self._tagger = EntityTagger.train(chosen, self.options, start, labels, new)
        self._figures["annotated"] = len(annotated)

    def _train_intents(
        self,
        messages: list[Message],
        names: list[str],
        held: Ints,
        earlier: JointClassifier | None,
        fresh: set[int],
    ) -> None:
        rows = self._rows(messages)
        settings = {
            "epochs": self.options["epochs"],
            "least_steps": LEAST_STEPS,
            "dense_rate": self.options["learning_rate"],
            "sparse_rate": 2 * self.options["learning_rate"],
            "decay": self.options["weight_decay"],
            "dropout": self.options["dropout"],
            "seed": self.options["random_seed"],
        }
        new = [place for place, m in enumerate(messages) if id(m) in fresh]
        before = earlier._head if earlier else None
        self._head = (adjusted(before, rows, names, new) if before else None) or train_head(
            rows, names, settings
        )
        numbers = {label: number for number, label in enumerate(self._head.labels)}
        expected = np.asarray([numbers[name] for name in names], np.int64)
        if rows.dense.shape[1]:
            texts = [m.text for m in messages]
            self._prototypes = Prototypes.fit(rows.sentence, expected, texts, len(numbers))
            same = earlier is not None and earlier._names == self._names
            self._density = earlier._density if earlier is not None and same else None
            self._density = self._density or Density.fit(rows.sentence, expected, len(numbers))
        if earlier is not None:
            self._temperature, self._threshold = earlier._temperature, earlier._threshold
            self._scale = earlier._scale
        elif len(held) and len(numbers) > 1:
            self._calibrate(messages, rows, expected, held, settings)

    def _calibrate(
        self, messages: list[Message], rows: Rows, expected: Ints, held: Ints, settings: dict[str, Any]
    ) -> None:
        """Train a head on the rest, and see on the held-out part how sure to be and where scope ends."""
        fit = np.setdiff1d(np.arange(len(expected)), held)
        names = [self._names[i] for i in expected[fit]]
        head = train_head(rows.take(fit), names, settings)
        votes = [self._tagger.run(messages[i]) if self._tagger else None for i in held]
        own = head.logits(rows.take(held))
        fitted, asked = rows.sentence[fit], rows.sentence[held]
        near = self._near(Prototypes.fit(fitted, expected[fit], names, len(self._names)), asked)
        logits = np.stack([_combined(x, v, n) for x, v, n in zip(own, votes, near, strict=True)])
        self._temperature = fit_temperature(logits, expected[held])
        if self._density is not None:
            densities = Density.fit(fitted, expected[fit], len(self._names)).score(asked)
            leads = lead(own)
            self._scale = ScopeScale.of(densities, leads)
            pairs = zip(densities.tolist(), leads.tolist(), strict=True)
            scores = [self._scale.score(*pair) for pair in pairs]
            self._threshold = keep_threshold(scores, self.options["scope_keep"])
            self._figures["scope_threshold"] = round(self._threshold, 4)
        self._figures.update(
            held_out=len(held),
            held_out_accuracy=round(float((logits.argmax(axis=1) == expected[held]).mean()), 4),
            temperature=round(self._temperature, 3),
        )

    def _near(self, prototypes: Prototypes | None, dense: Floats) -> Sequence[Floats | None]:
        """What single training texts say of the intents of N texts, where there are so few that it helps."""
        if prototypes is None or not prototypes.few or not dense.shape[1]:
            return [None] * len(dense)
        return list(prototypes.votes(dense))

    def _rows(self, messages: Sequence[Message]) -> Rows:
        return Rows.of(messages, self.options["featurizers"], views=self.options["views"])

    @property
    def _names(self) -> tuple[str, ...]:
        return self._head.labels if self._head else ()

    def _few_changes(self) -> bool:
        if self._earlier is None or not self._earlier._seen:
            return False
        if self._earlier.options["views"] != self.options["views"]:
            return False
        before, now = set(self._earlier._seen), set(self._seen)
        return len(before ^ now) <= FEW_CHANGES * max(len(before), 1)

    def process(self, messages: list[Message]) -> None:
        """Write intent, ranking, scope score and entities."""
        rows = self._rows(messages) if self._head is not None else None
        logits = self._head.logits(rows) if self._head is not None and rows is not None else None
        near = self._near(self._prototypes, rows.sentence) if rows is not None else []
        for place, message in enumerate(messages):
            found = self._tagger.run(message) if self._tagger is not None else None
            if logits is not None and rows is not None:
                combined = _combined(logits[place], found, near[place])
                self._write_intent(message, softmax(combined / np.float32(self._temperature)))
                self._write_scope(message, rows.sentence[place : place + 1], logits[place : place + 1])
            if self._tagger is not None and found is not None:
                least = self.options["entity_threshold"]
                entities = self._tagger.entities(message, found, NAME)
                message.entities.extend(e for e in entities if e["confidence_entity"] >= least)

    def _write_intent(self, message: Message, chances: Floats) -> None:
        order = np.argsort(-chances, kind="stable")[: max(self.options["ranking_length"], RIVALS)].tolist()
        ranking = [{"name": self._names[i], "confidence": float(chances[i])} for i in order]
        message.intent = dict(ranking[0])
        message.ranking = ranking[: self.options["ranking_length"]]

    def _write_scope(self, message: Message, dense: Floats, logits: Floats) -> None:
        """The out-of-scope score, and for people what decided."""
        if self._density is None or self._prototypes is None or message.ranking is None:
            return
        score = self._scale.score(float(self._density.score(dense)[0]), float(lead(logits)[0]))
        message.output["scope"] = {"score": round(score, 4), "threshold": self._threshold}
        if message.explain:
            sure = [rank["confidence"] for rank in message.ranking]
            numbers = [self._names.index(rank["name"]) for rank in message.ranking[:RIVALS]]
            near = self._prototypes.nearest(dense[0], numbers, count=5)
            message.notes[NAME] = {
                "nearest": [
                    {"cosine": round(cosine, 3), "intent": self._names[label], "text": text}
                    for cosine, label, text in near
                ],
                "margin": round(sure[0] - sure[1], 4) if len(sure) > 1 else 1.0,
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
                "density": self._density.save() if self._density else None,
                "tagger": self._tagger.save() if self._tagger else None,
            }
        )
        own = {
            "threshold": self._threshold,
            "temperature": self._temperature,
            "views": self.options["views"],
            "scale": [*self._scale.density, *self._scale.logit],
            "figures": self._figures,
            "seen": self._seen,
        }
        return Saved({**state.config, **own}, state.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component.options["views"] = saved.config.get("views", False)  # what the weights were trained on
        parts = ("head", "prototypes", "density", "tagger")
        head, prototypes, density, tagger = (unnested(saved, name) for name in parts)
        component._head = LinearHead.load(head) if head else None
        component._prototypes = Prototypes.load(prototypes) if prototypes else None
        component._density = Density.load(density) if density else None
        scale = saved.config.get("scale", [0.0, 1.0, 0.0, 1.0])
        component._scale = ScopeScale((scale[0], scale[1]), (scale[2], scale[3]))
        component._tagger = EntityTagger.load(tagger, component.options["featurizers"]) if tagger else None
        component._threshold = saved.config["threshold"]
        component._temperature = saved.config["temperature"]
        component._seen = list(saved.config["seen"])
        component._figures = dict(saved.config["figures"])
        return component


def _digest(example: Example) -> str:
    """Of all that is learnt from an example."""
    spans = [(s.start, s.end, s.entity, s.role, s.group) for s in example.entities]
    content = repr((example.text, example.intent, spans))
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _labels(messages: list[Message], names: list[str], held: Ints) -> dict[int, int]:
    """Number of the intent of each message that the network may learn, by identity of the message."""
    numbers = {label: number for number, label in enumerate(sorted(set(names)))}
    labelled = [m for m in messages if m.example and m.example.intent]
    out = {id(m): numbers[name] for m, name in zip(labelled, names, strict=True)}
    for place in held:
        del out[id(labelled[place])]
    return out


def _combined(logits: Floats, found: Tagging | None, near: Floats | None) -> Floats:
    """The linear head's opinion of a text, with those of the network and of the nearest texts where there are such."""
    out = log_softmax(logits)
    if found is not None and found.votes is not None and len(found.votes) == len(logits):
        out = out + log_softmax(found.votes)
    return out if near is None else out + near


def _with_plain(texts: list[Message], annotated: list[Message]) -> list[Message]:
    """Annotated texts, and of the others at most as many: enough to learn what is no entity."""
    plain = [m for m in texts if m.example and not m.example.entities]
    step = max(1, round(len(plain) / max(1, len(annotated))))
    return annotated + plain[::step]
