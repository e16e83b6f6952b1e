"""RegexEntityExtractor: entities by the regular expressions and lookup tables that bear their names."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
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
    "overlaps": "keep",
}
OVERLAPS = ("keep", "settle")


class RegexEntityExtractor:
    """Every match of every pattern is an entity, overlapping or not, as in Rasa.

    With `overlaps: settle` each piece of text is one entity: a regular expression wins over what it overlaps (it is
    exact), an entry of a lookup table only over what is a part of it (a longer name says more; else a classifier that
    saw the whole sentence knows better).
    """

    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("RegexEntityExtractor", config, DEFAULTS)
        if self.options["overlaps"] not in OVERLAPS:
            raise ConfigError(
                f"RegexEntityExtractor has overlaps: {self.options['overlaps']!r}.",
                hint="One of: keep, settle.",
            )
        self._patterns: list[tuple[str, SafePattern, bool]] = []
        self._annotated: frozenset[str] = frozenset()

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Take the patterns whose name is an annotated entity."""
        found = [
            (name, source, exact)
            for exact in (True, False)
            for name, source in extract_patterns(
                data,
                regexes=self.options["use_regexes"] and exact,
                lookups=self.options["use_lookup_tables"] and not exact,
                word_boundaries=self.options["use_word_boundaries"],
                only_entities=True,
            )
        ]
        self._annotated = frozenset(data.entity_names)
        if not found:
            logger.warning(
                "RegexEntityExtractor has nothing to look for: no regex or lookup table is named like an entity "
                "that is annotated in the examples."
            )
        self._set(found)

    def _set(self, found: list[tuple[str, str, bool]]) -> None:
        ignore_case = not self.options["case_sensitive"]
        self._patterns = [
            (name, SafePattern(source, ignore_case=ignore_case), exact) for name, source, exact in found
        ]

    def process(self, messages: list[Message]) -> None:
        """Append to `entities`."""
        settle = self.options["overlaps"] == "settle"
        for message in messages:
            for name, pattern, exact in self._patterns:
                for start, end in pattern.spans(message.text):
                    if settle and not self._make_room(message, name, start, end, exact):
                        continue
                    message.entities.append(
                        {
                            "entity": name,
                            "start": start,
                            "end": end,
                            "value": message.text[start:end],
                            "extractor": "RegexEntityExtractor",
                        }
                    )

    def _make_room(self, message: Message, name: str, start: int, end: int, exact: bool) -> bool:
        """Whether a match may stand; what it wins over is taken out."""
        rivals = [
            entity
            for entity in message.entities
            if entity["entity"] in self._annotated and entity["start"] < end and start < entity["end"]
        ]
        same = any((e["entity"], e["start"], e["end"]) == (name, start, end) for e in rivals)
        longer = any(
            e["extractor"] == "RegexEntityExtractor" and e["end"] - e["start"] >= end - start for e in rivals
        )
        parts = all(
            start <= e["start"] and e["end"] <= end and e["end"] - e["start"] < end - start for e in rivals
        )
        if same or longer or not (exact or parts):
            return False
        message.entities[:] = [entity for entity in message.entities if entity not in rivals]
        return True

    def save(self) -> Saved:
        """The patterns."""
        patterns = [[name, pattern.source, exact] for name, pattern, exact in self._patterns]
        return Saved({"patterns": patterns, "annotated": sorted(self._annotated)}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the patterns of the archive."""
        component = cls(config)
        component._set([(name, source, exact) for name, source, exact in saved.config["patterns"]])
        component._annotated = frozenset(saved.config["annotated"])
        return component
