"""FallbackClassifier: when the classifiers are not sure, or not sure between two, says so."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.component import INTENT
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

FALLBACK_INTENT = "nlu_fallback"

DEFAULTS: dict[str, Any] = {"threshold": 0.3, "ambiguity_threshold": 0.1, "scope_threshold": None}


class FallbackClassifier:
    """Replaces an unsure intent by `nlu_fallback`, whose confidence is the threshold, as Rasa's does.

    With no classifier before it every message is unsure.

    Ours alone: `scope_threshold` also fires when the out-of-scope score of JointClassifier lies below it; a
    number, or `auto` for the threshold that JointClassifier chose on its validation part.
    """

    requires: ClassVar[tuple[str, ...]] = ()
    wants: ClassVar[tuple[str, ...]] = (INTENT,)
    provides: ClassVar[tuple[str, ...]] = (INTENT,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("FallbackClassifier", config, DEFAULTS)
        for key in ("threshold", "ambiguity_threshold"):
            value = self.options[key]
            if value is not None and not 0 <= value <= 1:
                raise ConfigError(
                    f"config.yml: FallbackClassifier has {key}: {value}.", hint="Give a number from 0 to 1."
                )

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Nothing to learn."""

    def process(self, messages: list[Message]) -> None:
        """Put the fallback intent first where confidence or margin are too small."""
        for message in messages:
            reason = self._reason(message)
            if reason is None:
                continue
            fallback = {"name": FALLBACK_INTENT, "confidence": self.options["threshold"]}
            message.intent = fallback
            if message.ranking is not None:
                message.ranking = [fallback, *message.ranking]
            message.notes["FallbackClassifier"] = reason

    def _reason(self, message: Message) -> dict[str, Any] | None:
        confidence = float((message.intent or {}).get("confidence") or 0.0)
        if confidence < self.options["threshold"]:
            return {"why": "confidence", "value": confidence, "threshold": self.options["threshold"]}
        ranking = message.ranking or []
        limit = self.options["ambiguity_threshold"]
        if limit is not None and len(ranking) >= 2:
            margin = ranking[0]["confidence"] - ranking[1]["confidence"]
            if margin < limit:
                return {"why": "margin", "value": margin, "threshold": limit}
        return self._out_of_scope(message)

    def _out_of_scope(self, message: Message) -> dict[str, Any] | None:
        limit = self.options["scope_threshold"]
        scope = message.output.get("scope")
        if limit is None or scope is None:
            return None
        limit = scope["threshold"] if limit == "auto" else float(limit)
        if limit is None or scope["score"] >= limit:
            return None
        return {"why": "out of scope", "value": scope["score"], "threshold": limit}

    def save(self) -> Saved:
        """No state."""
        return Saved({}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """A new one is as good."""
        return cls(config)
