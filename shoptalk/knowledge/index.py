"""Search over documents: titles, questions and sentences in vectors and words, topics learned from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoptalk.knowledge import calibration
from shoptalk.knowledge.answers import Answer, extract
from shoptalk.knowledge.calibration import Evidence
from shoptalk.knowledge.documents import Document
from shoptalk.knowledge.kernel import LARGEST, best_of, kernel, learn
from shoptalk.knowledge.space import COMPANIONS, Likeness, Space
from shoptalk.knowledge.vectors import kept

Floats = NDArray[np.float32]

VERSION = "4"
"""Raised when weights are learned in another way, so that older ones in a cache are not used."""
LONGEST_QUERY = 1000
PASSAGE_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found.

    Args:
        document: itself.
        score: probability that it answers, 0..1; documents after the first have what is left to them.
        passage: of its text: all of it, or the sentences nearest to the query when it is long.
        evidence: what the score was made of.
    """

    document: Document
    score: float
    passage: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class _Passages:
    """P passages of all documents; `document`, `topic` (P,) say whose they are, `sentence` (P,) which are text."""

    texts: list[str]
    document: NDArray[np.int64]
    topic: NDArray[np.int64]
    sentence: NDArray[np.bool_]


class KnowledgeIndex:
    """Finds documents by meaning and by words. Made by `build`."""

    def __init__(
        self,
        documents: Sequence[Document],
        topics: Sequence[str],
        passages: _Passages,
        space: Space,
        weights: Floats | None,
    ) -> None:
        self._documents, self._topics, self._passages = documents, topics, passages
        self._space, self._weights = space, weights
        self._told: dict[str, dict[str, int]] = {}
        for place, document in enumerate(documents):
            self._told.setdefault(document.topic, {})[document.language] = place

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        encoder: str = "multilingual-e5-small",
        cache_dir: Path | None = None,
        runtime: str = "onnx-int8",
        companions: Mapping[str, str] = COMPANIONS,
    ) -> KnowledgeIndex:
        """An index of documents.

        Args:
            documents: what there is to find.
            encoder: name of a pretrained encoder.
            cache_dir: where vectors and weights are kept between runs; None keeps none.
            runtime: of the encoders.
            companions: language → a second encoder for it; one that is not installed is done without.

        Raises:
            ComponentError: there is no such encoder here.
        """
        topics = list(dict.fromkeys(document.topic for document in documents))
        passages = _take_apart(documents, topics)
        languages = [documents[place].language for place in passages.document]
        space = Space(passages.texts, languages, encoder, cache_dir, runtime, companions)
        weights = None
        if 1 < len(passages.texts) <= LARGEST and len(topics) > 1:
            labels = [f"{topics[t]}:{text}" for t, text in zip(passages.topic, passages.texts, strict=True)]
            weights = kept(
                cache_dir,
                [VERSION, *space.key, *languages, *labels],
                lambda: learn(space.all_pairs(), passages.topic, len(topics)),
            )
        return cls(documents, topics, passages, space, weights)

    def search(
        self, query: str, language: str | None = None, category: str | None = None, k: int = 3
    ) -> list[Hit]:
        """The documents nearest to a query, best first.

        Args:
            query: what somebody asks, in any language of the documents.
            language: tell the documents in it, where they are written in it; None: in the query's.
            category: search only this shelf.
            k: at most so many.
        """
        return self._find(query, language, category, k)[0]

    def answer(
        self, query: str, language: str | None = None, threshold: float | None = None
    ) -> Answer | None:
        """What answers a query, or None when nothing is likely enough to."""
        hits, like = self._find(query, language, None, 1)
        if (
            like is None
            or not hits
            or hits[0].score < (calibration.THRESHOLD if threshold is None else threshold)
        ):
            return None
        return extract(hits[0].document, self._of_sentences(hits[0].document, like), hits[0].score)

    def _find(
        self, query: str, language: str | None, category: str | None, k: int
    ) -> tuple[list[Hit], Likeness | None]:
        query = query.strip()[:LONGEST_QUERY]
        if not query or not self._documents:
            return [], None
        written = self._space.language_of(query, language)
        like = self._space.like(query, written)
        votes, nearest = self._votes(like)
        hits: list[Hit] = []
        for topic in np.argsort(-votes).tolist():
            document = self._document(self._topics[topic], language or written)
            if category in (None, "", document.category):
                seen = _evidence(topic, votes, nearest, self._lexical(like, topic))
                hits.append(Hit(document, calibration.probability(seen), self._passage(document, like), seen))
            if len(hits) >= k:
                break
        return hits, like

    def suggest(self, query: str, language: str | None = None, k: int = 3) -> list[Hit]:
        """Documents worth offering when none is likely enough to be told; none when even the best is far off."""
        hits = self.search(query, language, k=k)
        return hits if hits and hits[0].score >= calibration.SUGGEST else []

    def _votes(self, like: Likeness) -> tuple[Floats, Floats]:
        count = len(self._topics)
        nearest = best_of(
            np.where(like.own, like.dense, -1.0).astype(np.float32), self._passages.topic, count
        )
        votes = kernel(like.together)
        if self._weights is None:
            return best_of(votes, self._passages.topic, count), nearest
        return np.asarray(votes @ self._weights, np.float32), nearest

    def _lexical(self, like: Likeness, topic: int) -> float:
        own = like.own & (self._passages.topic == topic)
        return float(like.lexical[own].max()) if own.any() else 0.0

    def _document(self, topic: str, language: str) -> Document:
        told = self._told[topic]
        return self._documents[told.get(language, next(iter(told.values())))]

    def _of_sentences(self, document: Document, like: Likeness) -> list[float]:
        place = self._told[document.topic][document.language]
        rows = np.flatnonzero((self._passages.document == place) & self._passages.sentence)
        return [float(like.together[row]) for row in rows]

    def _passage(self, document: Document, like: Likeness) -> str:
        if len(document.text) <= PASSAGE_CHARACTERS:
            return document.text
        return extract(document, self._of_sentences(document, like), 0.0).lead


def _take_apart(documents: Sequence[Document], topics: Sequence[str]) -> _Passages:
    number = {topic: place for place, topic in enumerate(topics)}
    texts: list[str] = []
    owner: list[int] = []
    sentence: list[bool] = []
    for place, document in enumerate(documents):
        asked = [document.title, *document.questions]
        told = list(document.sentences())
        texts += [*asked, *told]
        owner += [place] * (len(asked) + len(told))
        sentence += [False] * len(asked) + [True] * len(told)
    topic = np.array([number[documents[place].topic] for place in owner], np.int64)
    return _Passages(texts, np.array(owner, np.int64), topic, np.array(sentence, bool))


def _evidence(topic: int, votes: Floats, nearest: Floats, lexical: float) -> Evidence:
    def best_other(values: Floats) -> float:
        others = np.delete(values, topic)
        return float(others.max()) if len(others) else 0.0

    return Evidence(
        vote=float(votes[topic]),
        lead=float(votes[topic]) - best_other(votes),
        dense=float(nearest[topic]),
        lexical=lexical,
        ahead=float(nearest[topic]) - best_other(nearest),
    )
