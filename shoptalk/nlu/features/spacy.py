"""SpacyNLP, SpacyTokenizer, SpacyFeaturizer, SpacyEntityExtractor: for projects that use spaCy.

Where spaCy or its model is not installed, the project trains and runs all the same: our tokenizer and encoder
stand in, and a warning says so. A model trained one way is not served the other way.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.component import ENTITIES, FEATURES, TOKENS
from shoptalk.nlu.features.bert import BertFeaturizer
from shoptalk.nlu.message import Features, Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.tokenizers.base import DEFAULTS, apply_pattern, text_tokens
from shoptalk.nlu.tokenizers.multilingual import split_multilingual

logger = logging.getLogger(__name__)

DOCUMENT = "spacy document"


@lru_cache(maxsize=4)
def _model(name: str) -> Any | None:
    """The spaCy model, or None where it is not installed: then our own parts stand in, and a warning says so."""
    try:
        import spacy

        return spacy.load(name)
    except (ModuleNotFoundError, OSError):
        logger.warning(
            "The spaCy model %r is not installed: MultilingualTokenizer and BertFeaturizer stand in for it. "
            "To use spaCy: pip install spacy, python -m spacy download %s, and train again.",
            name,
            name,
        )
        return None


class _Stateless:
    """What components without learned state have in common."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(type(self).__name__, config, self.defaults())

    @staticmethod
    def defaults() -> dict[str, Any]:
        """Keys and their defaults."""
        return {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)


class SpacyNLP(_Stateless):
    """Runs a spaCy model over each text, lower-cased unless `case_sensitive`."""

    provides: ClassVar[tuple[str, ...]] = (DOCUMENT, FEATURES)

    @staticmethod
    def defaults() -> dict[str, Any]:
        """Keys and their defaults."""
        return {"model": None, "case_sensitive": False}

    def process(self, messages: list[Message]) -> None:
        """Note the spaCy document."""
        if not self.options["model"]:
            raise ConfigError("config.yml: SpacyNLP has no `model`.", hint="Write model: en_core_web_md.")
        model = _model(self.options["model"])
        if model is None:
            return
        for message in messages:
            text = message.text if self.options["case_sensitive"] else message.text.lower()
            message.notes[DOCUMENT] = model(text)


class SpacyTokenizer(_Stateless):
    """spaCy's words, with lemma and part of speech."""

    requires: ClassVar[tuple[str, ...]] = (DOCUMENT,)
    provides: ClassVar[tuple[str, ...]] = (TOKENS,)

    @staticmethod
    def defaults() -> dict[str, Any]:
        """Keys and their defaults."""
        return DEFAULTS

    def process(self, messages: list[Message]) -> None:
        """Write `tokens` and the output `text_tokens`."""
        for message in messages:
            if DOCUMENT not in message.notes:
                message.tokens = apply_pattern(
                    split_multilingual(message.text), self.options["token_pattern"]
                )
                message.output["text_tokens"] = text_tokens(message.tokens)
                continue
            tokens = [
                Token(message.text[t.idx : t.idx + len(t)], t.idx, t.idx + len(t), t.lemma_, {"pos": t.tag_})
                for t in message.notes[DOCUMENT]
                if t.text.strip()
            ]
            message.tokens = apply_pattern(tokens, self.options["token_pattern"])
            message.output["text_tokens"] = text_tokens(message.tokens)


class SpacyFeaturizer(_Stateless):
    """spaCy's word vectors; the sentence is their mean (or maximum) without zero vectors."""

    requires: ClassVar[tuple[str, ...]] = (DOCUMENT, TOKENS)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)
    reads: ClassVar[tuple[str, ...]] = ("language",)

    def __init__(self, config: dict[str, Any]) -> None:
        plain = {key: value for key, value in config.items() if key != "language"}
        super().__init__(plain)
        self.alias: str = config.get("alias") or "SpacyFeaturizer"
        english = str(config.get("language") or "en").startswith("en")
        model = "all-MiniLM-L6-v2" if english else "multilingual-e5-small"
        self._stand_in = BertFeaturizer({"alias": self.alias, "model": model})
        self._stood_in = False

    @staticmethod
    def defaults() -> dict[str, Any]:
        """Keys and their defaults."""
        return {"pooling": "mean"}

    def process(self, messages: list[Message]) -> None:
        """Append one `Features`."""
        absent = [m for m in messages if DOCUMENT not in m.notes]
        if absent:
            self._stood_in = True
            self._stand_in.process(absent)
        for message in messages:
            if DOCUMENT not in message.notes:
                continue
            document = message.notes[DOCUMENT]
            rows = np.stack([t.vector for t in document if t.text.strip()]).astype(np.float32)
            filled = rows[np.any(rows != 0, axis=1)]
            pool = np.max if self.options["pooling"] == "max" else np.mean
            sentence = pool(filled, axis=0) if len(filled) else np.zeros(rows.shape[1], np.float32)
            message.features.append(Features(self.alias, rows, sentence[None].astype(np.float32)))

    def save(self) -> Saved:
        """Whether the stand-in made the features."""
        return Saved({"stand_in": self._stand_in.save().config if self._stood_in else None}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """Check that what made the features of the training makes them now."""
        component = cls(config)
        stand_in = saved.config["stand_in"]
        if stand_in is not None:
            component._stand_in = BertFeaturizer.load(
                {"alias": component.alias, "model": stand_in["model"]}, Saved(stand_in, {})
            )
        component._stood_in = stand_in is not None
        return component


class SpacyEntityExtractor(_Stateless):
    """spaCy's named entities."""

    requires: ClassVar[tuple[str, ...]] = (DOCUMENT,)
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    @staticmethod
    def defaults() -> dict[str, Any]:
        """Keys and their defaults."""
        return {"dimensions": None}

    def process(self, messages: list[Message]) -> None:
        """Append to `entities`."""
        wanted = self.options["dimensions"]
        for message in messages:
            document = message.notes.get(DOCUMENT)
            for found in document.ents if document is not None else ():
                if wanted and found.label_ not in wanted:
                    continue
                message.entities.append(
                    {
                        "entity": found.label_,
                        "value": found.text,
                        "start": found.start_char,
                        "confidence": None,
                        "end": found.end_char,
                        "extractor": "SpacyEntityExtractor",
                    }
                )
