"""Examples no component could use, refused with their place."""

from __future__ import annotations

import logging
from collections import Counter

from shoptalk.core.training_data import Example, TrainingData
from shoptalk.errors import DataError

logger = logging.getLogger(__name__)

MAX_EXAMPLE_CHARACTERS = 20_000


def check_examples(data: TrainingData) -> None:
    """Refuse examples that cannot be read, and say what will not work well.

    Raises:
        DataError: an example is too long, holds NUL characters, or an entity lies outside its text.
    """
    for example in data.examples:
        _check(example)
    counts = Counter(e.intent for e in data.examples if e.intent)
    if len(counts) == 1:
        logger.warning("All examples have the intent %r: every message will get it.", next(iter(counts)))
    for intent, count in counts.items():
        if count == 1:
            logger.warning(
                "The intent %r has one example; two or more let the classifier generalise.", intent
            )


def _check(example: Example) -> None:
    file, line = example.source.file, example.source.line
    shown = example.text[:60]
    if "\x00" in example.text:
        raise DataError(
            f"The example {shown!r} holds a NUL character.", hint="Remove it.", file=file, line=line
        )
    if len(example.text) > MAX_EXAMPLE_CHARACTERS:
        raise DataError(
            f"The example {shown!r}… has {len(example.text)} characters.",
            hint=f"At most {MAX_EXAMPLE_CHARACTERS} can be used; shorten it to what a customer would write.",
            file=file,
            line=line,
        )
    for span in example.entities:
        if not 0 <= span.start < span.end <= len(example.text):
            raise DataError(
                f"The entity {span.entity!r} of {shown!r} spans {span.start}:{span.end}, outside the text.",
                hint="Offsets count characters from 0; the end is the position after the last one.",
                file=file,
                line=line,
            )
