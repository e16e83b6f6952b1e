"""DIETClassifier: Rasa's intent classifier and entity extractor, with its keys, in PyTorch."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu import diet_options
from shoptalk.nlu.bilou import decode
from shoptalk.nlu.component import ENTITIES, FEATURES, INTENT
from shoptalk.nlu.diet_model import DietModel, words_of
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

NAME = "DIETClassifier"


class DIETClassifier:
    """See docs/nlu.md for what each of Rasa's keys does here; trained in PyTorch, served in numpy."""

    requires: ClassVar[tuple[str, ...]] = (FEATURES,)
    provides: ClassVar[tuple[str, ...]] = (INTENT, ENTITIES)

    reads: ClassVar[tuple[str, ...]] = ("intent_split_symbol",)

    def __init__(self, config: dict[str, Any]) -> None:
        defaults = {**diet_options.DIET, "intent_split_symbol": None}
        self.options = read_options(NAME, config, defaults, diet_options.INERT)
        diet_options.check(NAME, self.options)
        if "epochs" not in config:
            logger.warning("config.yml: %s has no `epochs`; taking %d.", NAME, self.options["epochs"])
        self._model: DietModel | None = None
        self._earlier: DietModel | None = None

    def warm_start(self, saved: Saved) -> None:
        """Continue from an earlier training if labels and features are still the same."""
        self._earlier = DietModel.load(saved, self.options) if saved.tensors else None

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Train; fewer than two intents switch intents off, no annotation switches entities off."""
        chosen = [m for m in messages if m.example and m.example.intent]
        names = [m.example.intent if m.example else None for m in chosen]
        options = dict(self.options)
        if len(set(names)) < 2 and options["intent_classification"]:
            logger.error("%s needs at least two intents to tell apart; it will not classify.", NAME)
            options["intent_classification"] = False
        annotated = any(m.example and m.example.entities for m in chosen)
        options["entity_recognition"] = options["entity_recognition"] and annotated
        if not chosen or not (options["intent_classification"] or options["entity_recognition"]):
            self._model = None
            return
        symbol = options["intent_split_symbol"]
        words = {name: words_of(name, symbol) for name in names if name}
        self._model = DietModel.train(chosen, names, words, options, self._earlier)
        self._earlier = None

    def process(self, messages: list[Message]) -> None:
        """Write intent, ranking and entities."""
        if self._model is None:
            for message in messages:
                message.intent = message.intent or {"name": None, "confidence": 0.0}
                message.ranking = message.ranking or []
            return
        for message, (words, whole) in zip(messages, self._model.encode(messages), strict=True):
            if self._model.labels:
                ranking = [{"name": n, "confidence": c} for n, c in self._model.rank(whole)]
                message.intent, message.ranking = dict(ranking[0]), ranking
            if self._model.tags:
                found = self._model.tag(words)
                split = self.options["split_entities_by_comma"]
                message.entities.extend(decode(message.text, message.tokens, found, split, NAME))

    def save(self) -> Saved:
        """The network, or nothing when it was not trained."""
        return self._model.save() if self._model is not None else Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls({"epochs": diet_options.DIET["epochs"], **config})
        component._model = DietModel.load(saved, component.options) if saved.tensors else None
        return component
