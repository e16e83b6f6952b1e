"""RegexFeaturizer: which patterns of the training data hit which words."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.message import Features, Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.patterns import SafePattern, extract_patterns
from shoptalk.nlu.sparse import Sparse

DEFAULTS: dict[str, Any] = {
    "case_sensitive": True,
    "use_lookup_tables": True,
    "use_regexes": True,
    "use_word_boundaries": True,
    "number_additional_patterns": None,
}


class RegexFeaturizer:
    """One sparse column a pattern, for words and for the text. Behaves as Rasa's.

    Also notes the hits in `token.data["pattern"]`, where CRFEntityExtractor and JointClassifier read them.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("RegexFeaturizer", config, DEFAULTS)
        self.alias: str = config.get("alias") or "RegexFeaturizer"
        self._patterns: list[tuple[str, SafePattern]] = []

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Take all regexes and lookup tables of the data."""
        self._set(
            extract_patterns(
                data,
                regexes=self.options["use_regexes"],
                lookups=self.options["use_lookup_tables"],
                word_boundaries=self.options["use_word_boundaries"],
                only_entities=False,
            )
        )

    def _set(self, found: list[tuple[str, str]]) -> None:
        ignore_case = not self.options["case_sensitive"]
        self._patterns = [(name, SafePattern(source, ignore_case=ignore_case)) for name, source in found]

    def process(self, messages: list[Message]) -> None:
        """Append one `Features` with sparse word rows and a sparse sentence row."""
        if not self._patterns:
            return
        width = len(self._patterns)
        for message in messages:
            rows: list[dict[int, float]] = [{} for _ in message.tokens]
            names = {name: False for name, _ in self._patterns}
            for token in message.tokens:
                token.data["pattern"] = dict(names)
            for column, (name, pattern) in enumerate(self._patterns):
                for start, end in pattern.spans(message.text):
                    for row, token in zip(rows, message.tokens, strict=True):
                        if token.start < end and token.end > start:
                            row[column] = 1.0
                            token.data["pattern"][name] = True
            whole = {column: 1.0 for row in rows for column in row}
            message.features.append(
                Features(self.alias, Sparse.from_rows(rows, width), Sparse.from_rows([whole], width))
            )

    def save(self) -> Saved:
        """The patterns in order."""
        return Saved({"patterns": [[name, pattern.source] for name, pattern in self._patterns]}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the patterns of the archive."""
        component = cls(config)
        component._set([(name, source) for name, source in saved.config["patterns"]])
        return component
