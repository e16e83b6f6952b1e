"""RegexEntityExtractor: entities by the regular expressions and lookup tables that bear their names."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import ENTITIES
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options
from shoptalk.nlu.patterns import SafePattern, extract_patterns

logger = logging.getLogger(__name__)

DEFAULTS = {
    "case_sensitive": False,
    "use_lookup_tables": True,
    "use_regexes": True,
    "use_word_boundaries": True,
}


class RegexEntityExtractor:
    """Every match of every pattern is an entity, overlapping or not. Behaves as Rasa's."""

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("RegexEntityExtractor", config, DEFAULTS)
        self._patterns: list[tuple[str, SafePattern]] = []

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Take the patterns whose name is an annotated entity."""
        found = extract_patterns(
            data,
            regexes=self.options["use_regexes"],
            lookups=self.options["use_lookup_tables"],
            word_boundaries=self.options["use_word_boundaries"],
            only_entities=True,
        )
        if not found:
            logger.warning(
                "RegexEntityExtractor has nothing to look for: no regex or lookup table is named like an entity "
                "that is annotated in the examples."
            )
        self._set(found)

    def _set(self, found: list[tuple[str, str]]) -> None:
        ignore_case = not self.options["case_sensitive"]
        self._patterns = [(name, SafePattern(source, ignore_case=ignore_case)) for name, source in found]

    def process(self, messages: list[Message]) -> None:
        """Append to `entities`."""
        for message in messages:
            for name, pattern in self._patterns:
                for start, end in pattern.spans(message.text):
                    message.entities.append(
                        {
                            "entity": name,
                            "start": start,
                            "end": end,
                            "value": message.text[start:end],
                            "extractor": "RegexEntityExtractor",
                        }
                    )

    def save(self) -> Saved:
        """The patterns."""
        return Saved({"patterns": [[name, pattern.source] for name, pattern in self._patterns]}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the patterns of the archive."""
        component = cls(config)
        component._set([(name, source) for name, source in saved.config["patterns"]])
        return component
