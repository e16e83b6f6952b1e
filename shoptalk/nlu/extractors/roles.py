"""RoleClassifier: which role an entity plays, by the words around it and the intent.

A sequence tagger must learn a tag for each entity and role, from few examples each. Roles hang on few things: "from"
and "to" before a value, which of two values comes first, what stands between them. A linear softmax over those learns
them from far fewer examples, for all entities that bear roles at once.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from shoptalk.archive import Saved
from shoptalk.core.training_data import TrainingData
from shoptalk.nlu.component import ENTITIES, TOKENS
from shoptalk.nlu.features.ngrams import fold_word
from shoptalk.nlu.linear_head import LinearHead, Rows, train_head
from shoptalk.nlu.message import Message, Token
from shoptalk.nlu.options import read_options
from shoptalk.nlu.scope import nested, unnested
from shoptalk.nlu.sparse import Sparse

NAME = "RoleClassifier"
DEFAULTS: dict[str, Any] = {"epochs": 20, "weight_decay": 0.1, "dropout": 0.3, "random_seed": 13}
COLUMNS = 16_384
NEAR = 5
"""Words looked at on either side."""
NONE = ""
REPEATED = 0.05
"""Share of texts with several roles of an entity in which one may come twice, and still count as a slip."""


@dataclass(frozen=True, slots=True)
class Span:
    """An entity as roles see it: half-open character offsets, its type, its role."""

    start: int
    end: int
    entity: str
    role: str = NONE


class RoleClassifier:
    """Says the role of every entity whose type bears roles in the examples, whichever extractor found it.

    Two entities of a type get different roles where the examples never give the same one twice.

    Keys: `epochs`, `weight_decay`, `dropout`, `random_seed`.
    """

    requires: ClassVar[tuple[str, ...]] = (TOKENS, ENTITIES)
    provides: ClassVar[tuple[str, ...]] = ()
    is_light: ClassVar[bool] = True

    def __init__(self, config: dict[str, Any]) -> None:
        self.options = read_options(NAME, config, DEFAULTS)
        self._head: LinearHead | None = None
        self._entities: frozenset[str] = frozenset()
        self._roles: dict[str, set[str]] = {}
        self._distinct: frozenset[str] = frozenset()

    def train(self, data: TrainingData, messages: list[Message]) -> None:
        """Learn from the annotated examples; without roles there is nothing to do."""
        texts = [(m, _annotated(m)) for m in messages if m.example is not None and m.example.entities]
        spans = [span for _, found in texts for span in found]
        self._entities = frozenset(span.entity for span in spans)
        bearing = {span.entity for span in spans if span.role}
        self._roles = {entity: {s.role for s in spans if s.entity == entity} for entity in bearing}
        self._distinct = frozenset(
            entity for entity in self._roles if _differ(entity, [found for _, found in texts])
        )
        rows: list[dict[int, float]] = []
        roles: list[str] = []
        for message, found in texts:
            intent = message.example.intent if message.example else None
            mine = [span for span in found if span.entity in self._roles]
            rows += [_row(message.tokens, found, span, intent or "") for span in mine]
            roles += [span.role for span in mine]
        self._head = None
        if len(set(roles)) > 1:
            self._head = train_head(_rows(rows), roles, self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "epochs": self.options["epochs"],
            "least_steps": 0,
            "dense_rate": 0.02,
            "sparse_rate": 0.02,
            "decay": self.options["weight_decay"],
            "dropout": self.options["dropout"],
            "seed": self.options["random_seed"],
        }

    def process(self, messages: list[Message]) -> None:
        """Write `role` and `confidence_role`, or take them away."""
        if self._head is None:
            return
        for message in messages:
            found = [entity for entity in message.entities if entity["entity"] in self._entities]
            spans = [Span(entity["start"], entity["end"], entity["entity"]) for entity in found]
            mine = [place for place, span in enumerate(spans) if span.entity in self._roles]
            if not mine:
                continue
            intent = str((message.intent or {}).get("name") or "")
            rows = [_row(message.tokens, spans, spans[place], intent) for place in mine]
            chances = self._head.probabilities(_rows(rows))
            for entity in self._roles:
                own = [order for order, place in enumerate(mine) if spans[place].entity == entity]
                for order, label in zip(own, self._choose(chances[own], entity), strict=True):
                    _write(found[mine[order]], self._head.labels[label], float(chances[order][label]))

    def _choose(self, chances: NDArray[np.float32], entity: str) -> Sequence[int]:
        """(N,) the label of each of N entities of one type, among those that the type has in the examples."""
        assert self._head is not None
        known = [label in self._roles[entity] for label in self._head.labels]
        chances = np.where(known, chances, 0.0)
        best: list[int] = chances.argmax(axis=1).tolist()
        roles = [number for number, label in enumerate(self._head.labels) if known[number] and label != NONE]
        same = len(best) == 2 and best[0] == best[1] and best[0] in roles
        if not same or entity not in self._distinct or len(roles) < 2:
            return best
        return max(permutations(roles, 2), key=lambda pair: chances[0, pair[0]] * chances[1, pair[1]])

    def save(self) -> Saved:
        """Weights, and which entities bear roles."""
        state = nested({"head": self._head.save() if self._head else None})
        names = {
            "entities": sorted(self._entities),
            "roles": {entity: sorted(roles) for entity, roles in sorted(self._roles.items())},
            "distinct": sorted(self._distinct),
        }
        return Saved({**state.config, **names}, state.tensors)

    @classmethod
    def load(cls, config: dict[str, Any], saved: Saved) -> Self:
        """As it was trained."""
        component = cls(config)
        head = unnested(saved, "head")
        component._head = LinearHead.load(head) if head else None
        component._entities = frozenset(saved.config["entities"])
        component._roles = {entity: set(roles) for entity, roles in saved.config["roles"].items()}
        component._distinct = frozenset(saved.config["distinct"])
        return component


def _annotated(message: Message) -> list[Span]:
    spans = message.example.entities if message.example else ()
    return [Span(span.start, span.end, span.entity, span.role or NONE) for span in spans]


def _differ(entity: str, texts: Iterable[Sequence[Span]]) -> bool:
    """Whether a role of an entity hardly ever comes twice in a text."""
    counts = [Counter(span.role for span in spans if span.entity == entity and span.role) for spans in texts]
    several = [count for count in counts if count.total() > 1]
    repeated = sum(max(count.values()) > 1 for count in several)
    return bool(several) and repeated <= REPEATED * len(several)


def _write(entity: dict[str, Any], role: str, confidence: float) -> None:
    entity.pop("role", None)
    entity.pop("confidence_role", None)
    if role != NONE:
        entity |= {"role": role, "confidence_role": min(1.0, confidence)}


def _rows(rows: list[dict[int, float]]) -> Rows:
    return Rows(np.zeros((len(rows), 0), np.float32), Sparse.from_rows(rows, COLUMNS))


def _row(tokens: Sequence[Token], spans: Sequence[Span], span: Span, intent: str) -> dict[int, float]:
    """Hashed features of an entity among the others of its text."""
    same = sorted((s for s in spans if s.entity == span.entity), key=lambda s: s.start)
    at = same.index(span)
    before = ["^", *_words(tokens, spans, 0, span.start)]
    after = [*_words(tokens, spans, span.end, None), "$"]
    names = [f"i={intent}", f"e={span.entity}", f"n={at}/{len(same)}", f"i={intent} n={at}/{len(same)}"]
    for distance, word in enumerate(before[: -NEAR - 1 : -1], start=1):
        names += [f"l{min(distance, 3)}={word}", f"l={word}"]
    for distance, word in enumerate(after[:NEAR], start=1):
        names += [f"r{min(distance, 3)}={word}", f"r={word}"]
    names += [f"ll={before[-2:]}", f"lll={before[-3:]}", f"rr={after[:2]}"]
    if at:
        names += _between("b", _words(tokens, spans, same[at - 1].end, span.start))
    if at + 1 < len(same):
        names += _between("a", _words(tokens, spans, span.end, same[at + 1].start))
    return {zlib.crc32(name.encode("utf-8", "surrogatepass")) % COLUMNS: 1.0 for name in names}


def _between(side: str, words: Sequence[str]) -> list[str]:
    """What stands between an entity and the one of its type before (b) or after (a) it."""
    return [f"{side}:{' '.join(words)}", *(f"{side}={word}" for word in words)]


def _words(tokens: Sequence[Token], spans: Sequence[Span], start: int, end: int | None) -> list[str]:
    """The words of a stretch of the text, with the type in place of each entity."""
    out: list[str] = []
    inside: Span | None = None
    for token in tokens:
        if token.start < start or (end is not None and token.end > end):
            continue
        holder = next((s for s in spans if s.start <= token.start and token.end <= s.end), None)
        if holder is None:
            out.append(fold_word(token.lemma))
        elif holder is not inside:
            out.append(f"<{holder.entity}>")
        inside = holder
    return out
