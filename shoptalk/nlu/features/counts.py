"""CountVectorsFeaturizer: how often each word or character n-gram of the training data occurs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.message import Features, Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.sparse import Sparse

DEFAULTS: dict[str, Any] = {
    "analyzer": "word",
    "min_ngram": 1,
    "max_ngram": 1,
    "min_df": 1,
    "max_df": 1.0,
    "max_features": None,
    "strip_accents": None,
    "stop_words": None,
    "lowercase": True,
    "use_shared_vocab": False,
    "OOV_token": None,
    "OOV_words": [],
    "use_lemma": True,
    "token_pattern": r"(?u)\b\w+\b",
    "additional_vocabulary_size": None,
}

ANALYZERS = ("word", "char", "char_wb")

_NUMBER = re.compile(r"\b[0-9]+\b")
_SPACES = re.compile(r"\s\s+")


class CountVectorsFeaturizer:
    """Bags of n-grams for each word and for the text, with Rasa's preparation of words.

    A number becomes `__NUMBER__`, then case is folded; a word alone gives its row, the words joined by spaces
    give the sentence's row. Trained again, known n-grams keep their columns.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)

    def __init__(self, config: dict[str, Any]) -> None:
        options = read_options("CountVectorsFeaturizer", config, DEFAULTS)
        if options["analyzer"] not in ANALYZERS:
            raise ConfigError(
                f"config.yml: CountVectorsFeaturizer has analyzer: {options['analyzer']!r}.",
                hint=f"One of: {', '.join(ANALYZERS)}.",
            )
        self.options = options
        self.alias: str = config.get("alias") or _default_alias(options)
        self._oov = str(options["OOV_token"]).lower() if options["OOV_token"] else None
        self._oov_words = {str(word).lower() for word in options["OOV_words"]}
        self._analyse = _analyser(options)
        self._columns: dict[str, int] = {}
        self._kept: list[str] = []

    def warm_start(self, saved: Saved) -> None:
        """Keep the columns of an earlier training."""
        self._kept = list(saved.config["columns"])

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Collect the vocabulary."""
        texts = [" ".join(self._words(message)) for message in messages]
        if self._oov is None and self._oov_words:
            raise ConfigError(
                "config.yml: CountVectorsFeaturizer has OOV_words but no OOV_token.",
                hint="Set OOV_token to the word they shall become.",
            )
        vocabulary = self._vocabulary(texts)
        fresh = [gram for gram in vocabulary if gram not in set(self._kept)]
        self._columns = {gram: column for column, gram in enumerate([*self._kept, *fresh])}

    def _vocabulary(self, texts: Sequence[str]) -> list[str]:
        total: Counter[str] = Counter()
        documents: Counter[str] = Counter()
        for text in texts:
            grams = self._analyse(text)
            total.update(grams)
            documents.update(set(grams))
        low = _share(self.options["min_df"], len(texts))
        high = _share(self.options["max_df"], len(texts))
        names = [gram for gram, count in documents.items() if low <= count <= high]
        if self.options["max_features"]:
            names = sorted(names, key=lambda gram: (-total[gram], gram))[: self.options["max_features"]]
        return sorted(names)

    def _words(self, message: Message) -> list[str]:
        lemma = self.options["use_lemma"]
        words = [_NUMBER.sub("__NUMBER__", t.lemma if lemma else t.text) for t in message.tokens]
        if self.options["lowercase"]:
            words = [word.lower() for word in words]
        if self._oov_words and self._oov:
            words = [self._oov if word in self._oov_words else word for word in words]
        return words

    def process(self, messages: list[Message]) -> None:
        """Append one `Features` with sparse rows for words and sentence."""
        if not self._columns:
            return
        for message in messages:
            words = self._known(self._words(message))
            tokens = Sparse.from_rows((self._row(word) for word in words), len(self._columns))
            sentence = Sparse.from_rows([self._row(" ".join(words))], len(self._columns))
            message.features.append(Features(self.alias, tokens, sentence))

    def _known(self, words: list[str]) -> list[str]:
        if self._oov is None or self._oov not in self._columns or self.options["analyzer"] != "word":
            return words
        return [word if word in self._columns else self._oov for word in words]

    def _row(self, text: str) -> dict[int, float]:
        found = Counter(self._columns[gram] for gram in self._analyse(text) if gram in self._columns)
        return {column: float(count) for column, count in found.items()}

    def save(self) -> Saved:
        """The vocabulary in column order."""
        return Saved({"columns": sorted(self._columns, key=self._columns.__getitem__)}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the vocabulary of the archive."""
        component = cls(config)
        component._columns = {gram: column for column, gram in enumerate(saved.config["columns"])}
        return component


def _default_alias(options: dict[str, Any]) -> str:
    settings = (options[key] for key in ("analyzer", "min_ngram", "max_ngram"))
    return "CountVectorsFeaturizer-" + "-".join(str(value) for value in settings)


def _share(limit: float, count: int) -> float:
    return limit * count if isinstance(limit, float) else float(limit)


def _analyser(options: dict[str, Any]) -> Callable[[str], list[str]]:
    low, high = options["min_ngram"], options["max_ngram"]
    pattern = re.compile(options["token_pattern"])
    stop = set(_stop_words(options["stop_words"]))
    strip = options["strip_accents"]

    def analyse(text: str) -> list[str]:
        text = _strip(text, strip)
        if options["analyzer"] == "word":
            words = [word for word in pattern.findall(text) if word not in stop]
            return [" ".join(gram) for gram in _grams(words, low, high)]
        text = _SPACES.sub(" ", text)
        if options["analyzer"] == "char":
            return ["".join(gram) for gram in _grams(list(text), low, high)]
        return [gram for word in text.split() for gram in _padded(word, low, high)]

    return analyse


def _grams(items: Sequence[str], low: int, high: int) -> Iterable[Sequence[str]]:
    for size in range(low, min(high, len(items)) + 1):
        for begin in range(len(items) - size + 1):
            yield items[begin : begin + size]


def _padded(word: str, low: int, high: int) -> Iterable[str]:
    padded = f" {word} "
    for size in range(low, high + 1):
        if size >= len(padded):
            yield padded
            return
        yield from (padded[begin : begin + size] for begin in range(len(padded) - size + 1))


def _strip(text: str, how: str | None) -> str:
    if how is None or text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text)
    if how == "ascii":
        return plain.encode("ascii", "ignore").decode()
    return "".join(c for c in plain if not unicodedata.combining(c))


def _stop_words(setting: Any) -> Iterable[str]:
    if setting is None:
        return ()
    if setting == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        words: Iterable[str] = ENGLISH_STOP_WORDS
        return words
    return [str(word) for word in setting]
