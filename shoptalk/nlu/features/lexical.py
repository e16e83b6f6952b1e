"""LexicalSyntacticFeaturizer: traits of a word and of its neighbours, one sparse column a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.errors import ConfigError
from shoptalk.nlu.component import FEATURES, TOKENS
from shoptalk.nlu.features.traits import TRAITS
from shoptalk.nlu.message import Features, Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.sparse import Sparse

DEFAULTS: dict[str, Any] = {
    "features": [
        ["low", "title", "upper"],
        ["BOS", "EOS", "low", "upper", "title", "digit"],
        ["low", "title", "upper"],
    ]
}

_EDGES = ("BOS", "EOS")


class LexicalSyntacticFeaturizer:
    """A window of traits centred on each word; values not seen in training have no column. As Rasa's."""

    requires: ClassVar[tuple[str, ...]] = (TOKENS,)
    provides: ClassVar[tuple[str, ...]] = (FEATURES,)

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options("LexicalSyntacticFeaturizer", config, DEFAULTS)
        self.alias: str = config.get("alias") or "LexicalSyntacticFeaturizer"
        for name in (name for group in self.options["features"] for name in group):
            if name not in TRAITS and name not in _EDGES:
                raise ConfigError(
                    f"config.yml: LexicalSyntacticFeaturizer has no feature {name!r}.",
                    hint=f"There are: {', '.join((*_EDGES, *TRAITS))}.",
                )
        self._columns: dict[str, int] = {}

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Collect the values that occur."""
        names = {
            name for m in messages for place in range(len(m.tokens)) for name in self._names(m.tokens, place)
        }
        self._columns = {name: column for column, name in enumerate(sorted(names))}

    def _names(self, tokens: Sequence[Token], place: int) -> list[str]:
        groups: list[list[str]] = self.options["features"]
        half = len(groups) // 2
        out: list[str] = []
        for window, group in enumerate(groups):
            at = place + window - half
            if not 0 <= at < len(tokens):
                continue
            out.extend(f"{window - half}###{name}={self._value(name, tokens, at)}" for name in group)
        return out

    @staticmethod
    def _value(name: str, tokens: Sequence[Token], at: int) -> str:
        if name == "BOS":
            return str(at == 0)
        if name == "EOS":
            return str(at == len(tokens) - 1)
        return str(TRAITS[name](tokens[at]))

    def process(self, messages: list[Message]) -> None:
        """Append one `Features` with sparse word rows."""
        if not self._columns:
            return
        for message in messages:
            rows = [
                {self._columns[n]: 1.0 for n in self._names(message.tokens, place) if n in self._columns}
                for place in range(len(message.tokens))
            ]
            message.features.append(Features(self.alias, Sparse.from_rows(rows, len(self._columns))))

    def save(self) -> Saved:
        """Values in column order."""
        return Saved({"columns": sorted(self._columns, key=self._columns.__getitem__)}, {})

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """With the columns of the archive."""
        component = cls(config)
        component._columns = {name: column for column, name in enumerate(saved.config["columns"])}
        return component
