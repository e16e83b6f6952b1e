"""KeywordIntentClassifier: a message has the intent of the first example that occurs in it."""

from __future__ import annotations

import logging
import re
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import INTENT
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)


class KeywordIntentClassifier:
    """Whole-word search for training examples, confidence 1.0, no ranking. Behaves as Rasa's."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (INTENT,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("KeywordIntentClassifier", config, {"case_sensitive": True})
        self._intents: dict[str, str] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Keep every example as a keyword; one that stands under two intents is dropped."""
        keywords: dict[str, str] = {}
        ambiguous: set[str] = set()
        for example in data.examples:
            if not example.intent or not example.text:
                continue
            if keywords.get(example.text, example.intent) != example.intent:
                ambiguous.add(example.text)
                logger.warning("The keyword %r stands under two intents and is left out.", example.text)
                continue
            keywords[example.text] = example.intent
        self._set({text: intent for text, intent in keywords.items() if text not in ambiguous})

    def _set(self, keywords: dict[str, str]) -> None:
        flags = 0 if self.options["case_sensitive"] else re.IGNORECASE
        self._intents = keywords
        self._patterns = [
            (re.compile(rf"\b{re.escape(text)}\b", flags), intent) for text, intent in keywords.items()
        ]

    def process(self, messages: list[Message]) -> None:
        """Write `intent`; where nothing matches, what an earlier classifier said stays."""
        for message in messages:
            name = next((intent for pattern, intent in self._patterns if pattern.search(message.text)), None)
            if name is not None or message.intent is None:
                message.intent = {"name": name, "confidence": 1.0 if name is not None else 0.0}

    def save(self) -> Saved:
        """The keywords."""
        return Saved({"keywords": [list(item) for item in self._intents.items()]}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the keywords of the archive."""
        component = cls(config)
        component._set({text: intent for text, intent in saved.config["keywords"]})
        return component
