"""EntitySynonymMapper: one value for many ways to say it."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import ENTITIES
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

NAME = "EntitySynonymMapper"


class EntitySynonymMapper:
    """Replaces entity values by their canonical form, whatever the letter case. Behaves as Rasa's."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, {})
        self._synonyms: dict[str, str] = {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Synonyms of the data and of annotated entities; a value is one of itself, in any letter case."""
        self._synonyms = {}
        for surface, value in data.synonyms.items():
            self._add(surface, value)
        for example in data.examples:
            for span in example.entities:
                self._add(example.text[span.start : span.end], span.value)

    def _add(self, surface: str, value: str) -> None:
        if surface and surface != value:
            key = surface.lower()
            known = self._synonyms.get(key)
            if known is not None and known != value:
                logger.warning("%r is a synonym of both %r and %r; the latter counts.", surface, known, value)
            self._synonyms[key] = value
        self._synonyms.setdefault(value.lower(), value)

    def process(self, messages: list[Message]) -> None:
        """Rewrite `value` of entities and note that it was done."""
        for message in messages:
            for entity in message.entities:
                value = self._synonyms.get(str(entity["value"]).lower())
                if value is not None:
                    entity["value"] = value
                    entity.setdefault("processors", []).append(NAME)

    def save(self) -> Saved:
        """The table."""
        return Saved({"synonyms": [list(item) for item in self._synonyms.items()]}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the table of the archive."""
        component = cls(config)
        component._synonyms = {surface: value for surface, value in saved.config["synonyms"]}
        return component
