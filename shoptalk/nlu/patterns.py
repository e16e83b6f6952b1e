"""Regular expressions of the training data, run so that no text of a user can stall the server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from shoptalk.core.training_data import Lookup, TrainingData
from shoptalk.errors import DataError

BUDGET_S = 0.002
"""Processor time one pattern may take on one text when the linear-time engine cannot run it."""
TRIES_S = (0.002, 0.012, 0.05)
"""Time limits by the clock, one after the other: on a busy machine a limit may pass without the work being done."""
ASCII_ONLY = re.compile(r"\\[bBwWdDsS]|\[\[?:")
"""What RE2 knows for ASCII alone."""


class SafePattern:
    """A pattern with Python's meaning, run by RE2 wherever that means the same.

    RE2 needs time linear in the text, but knows `\\b`, `\\w`, `\\d` and letter case for ASCII only. So an
    ASCII text goes to RE2, and any text does when the pattern has none of these. The rest, and a pattern RE2
    refuses (look-around, back-references), goes to a backtracking engine with a time budget; a pattern over its
    budget finds nothing.
    """

    __slots__ = ("_bounded", "_everywhere", "_linear", "source")

    def __init__(self, source: str, *, ignore_case: bool) -> None:
        self.source = source
        self._bounded = _bounded(source, ignore_case)
        self._linear = _linear(source, ignore_case)
        self._everywhere = not ignore_case and ASCII_ONLY.search(source) is None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Every match, left to right, as half-open character offsets."""
        if self._linear is not None and (self._everywhere or text.isascii()):
            for match in self._linear.finditer(text):
                yield match.span()
            return
        begin = time.thread_time()
        for limit_s in TRIES_S:
            try:
                found = [match.span() for match in self._bounded.finditer(text, timeout=limit_s)]
            except TimeoutError:
                if time.thread_time() - begin >= BUDGET_S:
                    return
            else:
                yield from found
                return


@lru_cache(maxsize=4096)
def _bounded(source: str, ignore_case: bool) -> Any:
    import regex

    flags = regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
    return regex.compile(source, flags)


@lru_cache(maxsize=4096)
def _linear(source: str, ignore_case: bool) -> Any | None:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(source, options=options)
    except re2.error:
        return None


def extract_patterns(
    data: TrainingData, *, regexes: bool, lookups: bool, word_boundaries: bool, only_entities: bool
) -> list[tuple[str, str]]:
    """Patterns of the training data as (name, regular expression): regexes first, then lookup tables.

    Args:
        data: where they stand.
        regexes, lookups: which of the two to take.
        word_boundaries: lookup values match whole words only.
        only_entities: take only names that are annotated entity types.

    Raises:
        DataError: a pattern is not a regular expression.
    """
    found: list[tuple[str, str]] = []
    if regexes:
        for pattern in data.regexes:
            check_pattern(pattern.pattern, pattern.name, pattern.source.file, pattern.source.line)
            found.append((pattern.name, pattern.pattern))
    if lookups:
        found.extend((lookup.name, lookup_pattern(lookup, word_boundaries)) for lookup in data.lookups)
    names = data.entity_names
    return [p for p in found if not only_entities or p[0] in names]


def check_pattern(source: str, name: str, file: str, line: int) -> None:
    """Raise DataError unless `source` is a regular expression."""
    try:
        re.compile(source)
    except re.error as error:
        raise DataError(
            f"The regex {name!r} is not a regular expression: {source!r}: {error}.",
            hint="Escape brackets and dots that are meant literally with a backslash.",
            file=file,
            line=line,
        ) from error


def lookup_pattern(lookup: Lookup, word_boundaries: bool) -> str:
    """One alternative a value, in the order of the table."""
    edge = r"\b" if word_boundaries else ""
    return "(" + "|".join(f"{edge}{re.escape(element)}{edge}" for element in lookup.elements) + ")"
