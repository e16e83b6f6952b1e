"""Likeness of a question and every passage, by meaning and by words.

Vectors are taken relative to the mean of their language, which makes the cosines of an encoder tell texts apart and
brings languages together. Passages of another language are compared by meaning alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoptalk.encoders import Encoder, load_encoder
from shoptalk.errors import ComponentError
from shoptalk.knowledge.lexical import Lexicon
from shoptalk.knowledge.vectors import encode, kept, unit

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]

DENSE = 0.6
"""Share of meaning in the likeness of texts in one language; words have the rest."""
ACROSS = 0.7
"""What likeness across languages counts."""
COMPANION = 0.25
"""Share of the second encoder where a language has one."""
COMPANIONS = {"en": "all-MiniLM-L6-v2"}
"""Encoders of one language that see what the multilingual one does not."""
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of a question and P passages: together, and by meaning and by words alone; `own` marks its language's."""

    together: Floats
    dense: Floats
    lexical: Floats
    own: NDArray[np.bool_]


class Space:
    """Passages with their vectors.

    Args:
        passages: P texts.
        languages: of each.
        encoder: the multilingual one.
        cache: folder for vectors.
        runtime: of the encoders.
        companions: language → second encoder; one that is not here is left out.
    """

    def __init__(
        self,
        passages: Sequence[str],
        languages: Sequence[str],
        encoder: str,
        cache: Path | None,
        runtime: str,
        companions: Mapping[str, str],
    ) -> None:
        self._encoder = load_encoder(encoder, runtime)
        self._languages = np.array(languages)
        self._known = list(dict.fromkeys(languages))
        self._lexicon = Lexicon(passages)
        self._vectors, self._means = self._place(self._encoder, passages, range(len(passages)), cache)
        self._second: dict[str, tuple[Encoder, Floats, Floats, NDArray[np.int64]]] = {}
        for language, name in companions.items():
            model = _load(name, runtime) if language in self._known else None
            if model is not None:
                rows = np.flatnonzero(self._languages == language)
                vectors, means = self._place(model, passages, rows.tolist(), cache)
                self._second[language] = (model, vectors, means[language], rows)
        self.key = [
            encoder,
            self._encoder.fingerprint,
            *(m.fingerprint for m, _, _, _ in self._second.values()),
        ]

    def _place(
        self, model: Encoder, passages: Sequence[str], rows: Sequence[int], cache: Path | None
    ) -> tuple[Floats, dict[str, Floats]]:
        texts = [passages[row] for row in rows]
        raw = kept(cache, [model.fingerprint, *texts], lambda: encode(model, texts))
        languages = self._languages[list(rows)]
        means = {}
        for language in dict.fromkeys(languages.tolist()):
            own = languages == language
            means[language] = raw[own].mean(axis=0) if own.sum() > 1 else np.zeros(model.width, np.float32)
            raw[own] = unit(raw[own] - means[language])
        return raw, means

    def language_of(self, text: str, wanted: str | None) -> str:
        """The language a question is written in, among those of the passages."""
        chinese = bool(_HAN.search(text))
        if "zh" in self._known and chinese:
            return "zh"
        others = [language for language in self._known if language != "zh"] or self._known
        return wanted if wanted in others else others[0]

    def like(self, query: str, language: str) -> Likeness:
        """Likeness of a question in a language and every passage."""
        raw = self._encoder.encode([query]).sentence[0]
        dense = self._vectors @ unit((raw - self._means[language])[None])[0]
        second = self._second.get(language)
        if second is not None:
            model, vectors, mean, rows = second
            other = vectors @ unit((model.encode([query]).sentence[0] - mean)[None])[0]
            mixed = dense[rows] + COMPANION * (other - dense[rows])
        lexical = self._lexicon.likeness(query)
        own = self._languages == language
        together = DENSE * dense + (1 - DENSE) * lexical
        if second is not None:
            together[rows] += mixed - dense[rows]
        return Likeness(np.where(own, together, ACROSS * dense), dense, lexical, own)

    def all_pairs(self) -> Floats:
        """(P, P) likeness of passages."""
        dense = self._vectors @ self._vectors.T
        together = DENSE * dense + (1 - DENSE) * self._lexicon.all_pairs()
        for _, vectors, _, rows in self._second.values():
            block = np.ix_(rows, rows)
            together[block] += COMPANION * (vectors @ vectors.T - dense[block])
        same = self._languages[:, None] == self._languages[None]
        return np.where(same, together, ACROSS * dense)


def _load(name: str, runtime: str) -> Encoder | None:
    try:
        return load_encoder(name, runtime)
    except ComponentError as error:
        logger.info("knowledge.companion_missing %s", error)
        return None
