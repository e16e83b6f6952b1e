"""Search over documents: dense vectors of titles, questions and sentences, with lexical search beside them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders import Encoder, load_encoder
from shoptalk.knowledge.documents import Document
from shoptalk.knowledge.lexical import Bm25

Floats = NDArray[np.float32]

PREFIXES = {"multilingual-e5-small": "query: "}
"""What an encoder was trained to see before a text."""
LEXICAL_WEIGHT = 0.3
LEXICAL_FLOOR = 5.0
"""Common terms alone do not make a document the best one lexically."""
THRESHOLD = 0.62
"""Below this the best document is no answer; chosen on questions that have none."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document found.

    Args:
        document: itself.
        score: dense and lexical together; comparable between searches of one index.
        passage: the sentence of it (or the question) nearest to the query.
        dense: cosine of query and passage, both relative to the mean of the index, -1..1.
        lexical: 0..1, relative to the best document.
    """

    document: Document
    score: float
    passage: str
    dense: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken from a document as it stands."""

    document: Document
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The documents of one language.

    Args:
        rows: which of the index's documents.
        passages: P texts; `owner` (P,) is the document each belongs to, by place in `rows`.
        vectors: (P, H) of unit length, after `mean` (H,) was taken off.
        lexical: search over the documents.
    """

    rows: list[Document]
    passages: list[str]
    owner: NDArray[np.int64]
    vectors: Floats
    mean: Floats
    lexical: Bm25


class KnowledgeIndex:
    """Finds documents by meaning and by words."""

    def __init__(self, encoder: Encoder, shelves: dict[str, _Shelf]) -> None:
        self._encoder, self._shelves = encoder, shelves
        self._prefix = PREFIXES.get(encoder.name, "")

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        encoder: str = "multilingual-e5-small",
        cache_dir: Path | None = None,
        runtime: str = "onnx-int8",
    ) -> KnowledgeIndex:
        """An index of documents.

        Args:
            documents: what there is to find.
            encoder: name of a pretrained encoder.
            cache_dir: where vectors are kept between runs; None keeps none.
            runtime: of the encoder.

        Raises:
            ComponentError: there is no such encoder here.
        """
        model = load_encoder(encoder, runtime)
        prefix = PREFIXES.get(model.name, "")
        languages = dict.fromkeys(document.language for document in documents)
        shelves = {}
        for language in languages:
            rows = [document for document in documents if document.language == language]
            owned = [(place, text) for place, row in enumerate(rows) for text in _passages(row)]
            passages = [text for _, text in owned]
            raw = _cached(model, [prefix + text for text in passages], cache_dir)
            mean = raw.mean(axis=0) if len(raw) > 1 else np.zeros(model.width, np.float32)
            shelves[language] = _Shelf(
                rows,
                passages,
                np.array([place for place, _ in owned]),
                _unit(raw - mean),
                mean,
                Bm25([f"{row.title} {' '.join(row.questions)} {' '.join(row.questions)} {row.text}" for row in rows]),
            )
        return cls(model, shelves)

    def search(
        self, query: str, language: str | None = None, category: str | None = None, k: int = 3
    ) -> list[Hit]:
        """The documents nearest to a query, best first.

        Args:
            query: what somebody asks.
            language: search only documents of it; None searches all.
            category: search only this shelf.
            k: at most so many.
        """
        if not query.strip():
            return []
        vector = self._encoder.encode([self._prefix + query]).sentence[0]
        wanted = [language] if language in self._shelves else list(self._shelves)
        hits = [hit for name in wanted for hit in self._on_shelf(self._shelves[str(name)], query, vector)]
        kept = [hit for hit in hits if category in (None, "", hit.document.category)]
        return sorted(kept, key=lambda hit: -hit.score)[:k]

    def answer(self, query: str, language: str | None = None, threshold: float | None = None) -> Answer | None:
        """The document that answers a query, or None when none is near enough."""
        hits = self.search(query, language, k=1)
        if not hits or hits[0].score < (THRESHOLD if threshold is None else threshold):
            return None
        return Answer(hits[0].document, hits[0].document.text, hits[0].score)

    def _on_shelf(self, shelf: _Shelf, query: str, vector: Floats) -> list[Hit]:
        cosines = shelf.vectors @ _unit((vector - shelf.mean)[None])[0]
        best = np.full(len(shelf.rows), -1.0, dtype=np.float32)
        np.maximum.at(best, shelf.owner, cosines)
        words = shelf.lexical.scores(query)
        shares = words / (float(words.max(initial=0.0)) + LEXICAL_FLOOR)
        scores = best + LEXICAL_WEIGHT * shares
        top = np.argsort(-scores)[:10]
        return [
            Hit(shelf.rows[i], float(scores[i]), _nearest(shelf, cosines, i), float(best[i]), float(shares[i]))
            for i in top.tolist()
        ]


def _passages(document: Document) -> list[str]:
    return [document.title, *document.questions, *document.sentences()]


def _nearest(shelf: _Shelf, cosines: Floats, row: int) -> str:
    own = np.flatnonzero(shelf.owner == row)
    return shelf.passages[int(own[int(np.argmax(cosines[own]))])]


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _cached(model: Encoder, texts: Sequence[str], folder: Path | None) -> Floats:
    """(N, H) vectors of texts, from a file named after all that they depend on."""
    if folder is None:
        return _encode(model, texts)
    name = hashlib.sha256("\0".join((model.fingerprint, *texts)).encode()).hexdigest()[:24]
    path = folder / f"{name}.npy"
    if path.exists():
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
    vectors = _encode(model, texts)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        np.save(file, vectors, allow_pickle=False)
    os.replace(file.name, path)
    return vectors


def _encode(model: Encoder, texts: Sequence[str]) -> Floats:
    """One text at a time: 8-bit vectors depend on what they are encoded with."""
    rows = [model.encode([text]).sentence[0] for text in texts]
    return np.stack(rows) if rows else np.zeros((0, model.width), np.float32)
