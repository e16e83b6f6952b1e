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

_PLAIN = re.compile(r"[\w ]+")
"""Examples that mean themselves as a regular expression."""


class KeywordIntentClassifier:
    """Whole-word search for training examples, confidence 1.0, no ranking. Behaves as Rasa's."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (INTENT,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("KeywordIntentClassifier", config, {"case_sensitive": True})
        self._intents: dict[str, str] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Keep every example as a keyword, but those that would speak for two intents."""
        keywords: dict[str, str] = {}
        twice: set[str] = set()
        for example in data.examples:
            if not example.intent or not example.text:
                continue
            if keywords.setdefault(example.text, example.intent) != example.intent:
                twice.add(example.text)
                logger.warning("The keyword %r stands under two intents and is left out.", example.text)
        for text in twice:
            del keywords[text]
        self._set(keywords)
        self._set({text: intent for text, intent in keywords.items() if not self._is_ambiguous(text)})

    def _set(self, keywords: dict[str, str]) -> None:
        self._intents = keywords
        self._patterns = {text: self._pattern(text) for text in keywords}

    def _pattern(self, text: str) -> re.Pattern[str]:
        """The example as a regular expression, as Rasa takes it: `are you a bot?` also finds `are you a bo`."""
        flags = 0 if self.options["case_sensitive"] else re.IGNORECASE
        try:
            return re.compile(rf"\b{text}\b", flags)
        except re.error:
            # Rasa's training ends here; a text like "thanks :)" is a good keyword by its letters.
            return re.compile(rf"\b{re.escape(text)}\b", flags)

    def _is_ambiguous(self, text: str) -> bool:
        """Whether a keyword occurs inside one of another intent; it is left out, as with Rasa."""
        pattern, intent = self._patterns[text], self._intents[text]
        plain = text if _PLAIN.fullmatch(text) and self.options["case_sensitive"] else ""
        for other, theirs in self._intents.items():
            if theirs != intent and plain in other and pattern.search(other):
                logger.warning(
                    "The keyword %r of %s occurs in %r of %s and is left out.", text, intent, other, theirs
                )
                return True
        return False

    def process(self, messages: list[Message]) -> None:
        """Write `intent`; where nothing matches, what an earlier classifier said stays."""
        for message in messages:
            found = (i for text, i in self._intents.items() if self._patterns[text].search(message.text))
            name = next(found, None)
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
