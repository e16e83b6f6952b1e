"""CRFEntityExtractor: entities by a conditional random field over traits of words and their neighbours.

Trained by the crfsuite library. Its model file travels in the archive as a tensor of bytes and is opened from
memory; crfsuite models are tables of numbers, no code.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ComponentError, ConfigError
from shoptalk.nlu.bilou import FAMILIES, Tagged, TagSet, decode, encode, tag_sets
from shoptalk.nlu.component import ENTITIES, TOKENS
from shoptalk.nlu.features.traits import TRAITS
from shoptalk.nlu.message import Message
from shoptalk.nlu.options import read_options

logger = logging.getLogger(__name__)

NAME = "CRFEntityExtractor"

DEFAULTS: dict[str, Any] = {
    "BILOU_flag": True,
    "split_entities_by_comma": True,
    "features": [
        ["low", "title", "upper"],
        [
            "low",
            "bias",
            "prefix5",
            "prefix2",
            "suffix5",
            "suffix3",
            "suffix2",
            "upper",
            "title",
            "digit",
            "pattern",
        ],
        ["low", "title", "upper"],
    ],
    "max_iterations": 50,
    "L1_c": 0.1,
    "L2_c": 0.1,
}

_SPECIAL = ("bias", "pattern", "text_dense_features", "entity")


class CRFEntityExtractor:
    """Rasa's extractor with its keys; one field for types, then one for roles and one for groups."""

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (ENTITIES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        groups = self.options["features"]
        if len(groups) % 2 == 0:
            raise ConfigError(
                f"config.yml: {NAME} has {len(groups)} groups of features.",
                hint="Give an odd number: so many words before, the word itself, as many after.",
            )
        for name in (name for group in groups for name in group):
            if name not in TRAITS and name not in _SPECIAL:
                raise ConfigError(
                    f"config.yml: {NAME} has no feature {name!r}.",
                    hint=f"There are: {', '.join((*TRAITS, *_SPECIAL))}.",
                )
        self._tags: dict[str, TagSet] = {}
        self._models: dict[str, bytes] = {}
        self._open: dict[str, Any] = {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Fit one field per family; without annotations there is nothing to find."""
        chosen = [m for m in messages if m.example and m.example.intent and m.tokens]
        spans = [span for m in chosen if m.example for span in m.example.entities]
        self._tags = tag_sets(spans, self.options["BILOU_flag"])
        self._models, self._open = {}, {}
        if not self._tags:
            logger.warning("%s: no example has an annotated entity; it finds nothing.", NAME)
            return
        for family, tag_set in self._tags.items():
            self._models[family] = self._fit(chosen, family, tag_set)

    def _fit(self, messages: Sequence[Message], family: str, tag_set: TagSet) -> bytes:
        import pycrfsuite

        trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        trainer.set_params(
            {
                "c1": self.options["L1_c"],
                "c2": self.options["L2_c"],
                "max_iterations": self.options["max_iterations"],
                "feature.possible_transitions": True,
            }
        )
        for message in messages:
            spans = message.example.entities if message.example else ()
            numbers = encode(message.tokens, spans, family, tag_set)
            entity = None
            if family != "entity":
                types = self._tags["entity"]
                entity = [types.tags[n] for n in encode(message.tokens, spans, "entity", types)]
            trainer.append(self._rows(message, entity), [tag_set.tags[n] for n in numbers])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            trainer.train(str(path))
            return path.read_bytes()

    def _rows(self, message: Message, entity: Sequence[str] | None) -> list[dict[str, Any]]:
        groups = self.options["features"]
        half = len(groups) // 2
        dense = message.dense_tokens(self.options["featurizers"])
        own = [self._traits(message, place, dense) for place in range(len(message.tokens))]
        rows: list[dict[str, Any]] = []
        for place in range(len(message.tokens)):
            row: dict[str, Any] = {}
            for window, group in enumerate(groups):
                at = place + window - half
                if 0 <= at < len(own):
                    row.update(
                        {
                            f"{window - half}:{key}": own[at][name][key]
                            for name in group
                            for key in own[at][name]
                        }
                    )
            if place == 0:
                row["BOS"] = True
            if place == len(own) - 1:
                row["EOS"] = True
            if entity is not None:
                row[f"0:entity={entity[place]}"] = True
            rows.append(row)
        return rows

    @staticmethod
    def _traits(message: Message, place: int, dense: Any) -> dict[str, dict[str, Any]]:
        token = message.tokens[place]
        out: dict[str, dict[str, Any]] = {}
        for name, trait in TRAITS.items():
            value = trait(token)
            out[name] = (
                {}
                if value is None
                else {f"{name}={value}" if isinstance(value, str) else name: _weight(value)}
            )
        out["bias"] = {"bias": 1.0}
        out["entity"] = {}
        out["pattern"] = {f"pattern={n}": _weight(hit) for n, hit in token.data.get("pattern", {}).items()}
        vector = {} if dense is None else {f"dense{i}": float(v) for i, v in enumerate(dense[place])}
        out["text_dense_features"] = vector
        return out

    def process(self, messages: list[Message]) -> None:
        """Append to `entities`."""
        if not self._models:
            return
        for message in messages:
            if not message.tokens:
                continue
            found: dict[str, Tagged] = {}
            for family in FAMILIES:
                if family in self._models:
                    found[family] = self._tag(message, family, found.get("entity"))
            split = self.options["split_entities_by_comma"]
            message.entities.extend(decode(message.text, message.tokens, found, split, NAME))

    def _tag(self, message: Message, family: str, entity: Tagged | None) -> Tagged:
        tagger = self._tagger(family)
        tagger.set(self._rows(message, None if entity is None or family == "entity" else entity.tags))
        tags = tagger.tag()
        return Tagged(tags, [tagger.marginal(tag, place) for place, tag in enumerate(tags)])

    def _tagger(self, family: str) -> Any:
        if family not in self._open:
            try:
                import pycrfsuite
            except ModuleNotFoundError as error:
                raise ComponentError(
                    f"{NAME} needs the package python-crfsuite.", hint="Install it."
                ) from error
            tagger = pycrfsuite.Tagger()
            tagger.open_inmemory(self._models[family])
            self._open[family] = tagger
        return self._open[family]

    def save(self) -> Saved:
        """The fields as bytes in tensors."""
        tags = {family: {"names": list(t.names), "bilou": t.bilou} for family, t in self._tags.items()}
        return Saved(
            {"tags": tags}, {family: np.frombuffer(m, np.uint8) for family, m in self._models.items()}
        )

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        component._tags = {f: TagSet(tuple(t["names"]), t["bilou"]) for f, t in saved.config["tags"].items()}
        component._models = {
            family: np.asarray(value, np.uint8).tobytes() for family, value in saved.tensors.items()
        }
        return component


def _weight(value: Any) -> float:
    return 1.0 if isinstance(value, str) or value else 0.0
