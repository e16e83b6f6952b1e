"""IntentSplitter: the clauses of a message that ask for two things."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.domain import INTENT_FALLBACK
from shoptalk.core.messages import ParseData
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import INTENT
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

if TYPE_CHECKING:
    from shoptalk.nlu.pipeline import Pipeline

NAME = "IntentSplitter"

Span = tuple[int, int]
"""Half-open character offsets."""

DEFAULTS: dict[str, Any] = {"threshold": 0.7, "most_clauses": 4, "least_characters": 4, "ignore": []}

BORDERS = re.compile(
    r"(?<=[!?;。！？；])\s*|(?<=\.)\s+|\n+"
    r"|\s*,?\s+(?:and(?: also| then)?|also|plus|by the way|btw|but|then|oh and)\s+(?=\S)"
    r"|\s*[,，、]\s*(?:and |also |另外|还有|顺便|而且|同时|然后|对了)"
    r"|\s+(?:another (?:thing|question)|one more (?:thing|question)):?\s+"
    r"|[,，]\s*",
    re.IGNORECASE,
)
"""Where one wish may end and another begin; what follows is understood by itself."""


class IntentSplitter:
    """Adds `clauses` where a message says two things that mean different intents, each with confidence.

    Each item is `{"text", "start", "end", "intent": {"name", "confidence"}, "entities": [...]}`; neighbours of one
    intent are joined. A message without a border, or whose clauses mean the same or nothing clear, gets no such
    key; one without a border costs nothing but a regular expression. `intent` and `entities` of the message stay as
    they are.

    Keys: `threshold` (confidence that each clause needs), `most_clauses` (more are not looked at),
    `least_characters` (of a clause), `ignore` (intents that are no wish: greet, thanks; a message that means one of
    them is not split).
    """

    requires: ClassVar[tuple[str, ...]] = (INTENT,)
    provides: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._pipeline: Pipeline | None = None
        self._inner = threading.local()

    def use_pipeline(self, pipeline: Pipeline) -> None:
        """Told once of the pipeline it stands in; clauses go through it."""
        self._pipeline = pipeline

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Write `clauses` where there are several."""
        if self._pipeline is None or getattr(self._inner, "busy", False):
            return
        for message in messages:
            spans = self._spans(message.text)
            own = (message.intent or {}).get("name")
            if 1 < len(spans) <= self.options["most_clauses"] and own not in self.options["ignore"]:
                found = _joined(message.text, self._wishes(self._pipeline, message.text, spans))
                if len({clause["intent"]["name"] for clause in found}) > 1:
                    message.output["clauses"] = found

    def _spans(self, text: str) -> list[Span]:
        edges = [(0, 0), *(match.span() for match in BORDERS.finditer(text)), (len(text), len(text))]
        spans = [(a[1], b[0]) for a, b in pairwise(edges)]
        # A pause inside a wish is no border: a piece too short to be one stays with what was before it.
        out: list[Span] = []
        for start, end in spans:
            if end <= start:
                continue
            if out and len(text[start:end].strip()) < self.options["least_characters"]:
                out[-1] = (out[-1][0], end)
            else:
                out.append((start, end))
        return out

    def _wishes(self, pipeline: Pipeline, text: str, spans: Sequence[Span]) -> list[tuple[Span, ParseData]]:
        """The spans that are wishes with what they mean, in order.

        Short ones come first, for they are cheap and often none; when too few are left to be two, that is all.
        """
        wishes: list[tuple[Span, ParseData]] = []
        left = len(spans)
        self._inner.busy = True
        try:
            for start, end in sorted(spans, key=lambda span: span[1] - span[0]):
                result = pipeline.parse([text[start:end]])[0]
                if self._is_wish(result.get("intent") or {}):
                    wishes.append(((start, end), result))
                elif (left := left - 1) < 2:
                    break
        finally:
            self._inner.busy = False
        return sorted(wishes, key=lambda wish: wish[0])

    def _is_wish(self, intent: dict[str, Any]) -> bool:
        if intent.get("name") in (None, INTENT_FALLBACK, *self.options["ignore"]):
            return False
        return float(intent.get("confidence") or 0.0) >= float(self.options["threshold"])

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)


def _joined(text: str, wishes: Sequence[tuple[Span, ParseData]]) -> list[dict[str, Any]]:
    """Wishes as clauses; neighbours of the same intent are one."""
    out: list[dict[str, Any]] = []
    for (start, end), result in wishes:
        entities = [
            {**entity, "start": entity["start"] + start, "end": entity["end"] + start}
            for entity in result["entities"]
            if (entity["start"], entity["end"]) != (0, end - start) or entity["value"] == text[start:end]
        ]
        intent = {key: result["intent"][key] for key in ("name", "confidence")}
        before = out[-1] if out else None
        if before is not None and before["intent"]["name"] == intent["name"]:
            before.update(text=text[before["start"] : end], end=end)
            before["entities"] += entities
        else:
            out.append(
                {"text": text[start:end], "start": start, "end": end, "intent": intent, "entities": entities}
            )
    return out
