"""An answer out of a document, as it stands there: the sentences that answer first, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoptalk.knowledge.documents import Document

LONG = 320
"""A text up to so many characters is told as it is."""
LEAD_CHARACTERS = 240
NEAR_BEST = 0.1
"""A sentence this much less like the question than the best one still belongs to the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken from a document.

    Args:
        document: the source; always to be shown.
        text: the document's text; in a long one the sentences that answer come first.
        lead: the sentences that answer.
        score: probability that this is the answer.
    """

    document: Document
    text: str
    lead: str
    score: float


def extract(document: Document, likeness: Sequence[float], score: float) -> Answer:
    """The answer a document gives.

    Args:
        document: what was found.
        likeness: of each of its sentences to the question.
        score: of the document.
    """
    sentences = list(document.sentences())
    if not sentences or len(sentences) != len(likeness):
        return Answer(document, document.text, document.text, score)
    best = max(likeness)
    ranked = sorted(range(len(sentences)), key=lambda place: -likeness[place])
    chosen: list[int] = []
    length = 0
    for place in ranked:
        if chosen and (
            likeness[place] < best - NEAR_BEST or length + len(sentences[place]) > LEAD_CHARACTERS
        ):
            break
        chosen.append(place)
        length += len(sentences[place])
    chosen.sort()
    lead = _join([sentences[place] for place in chosen])
    if len(document.text) <= LONG:
        return Answer(document, document.text, lead, score)
    rest = _join([sentence for place, sentence in enumerate(sentences) if place not in chosen])
    return Answer(document, f"{lead}\n{rest}" if rest else lead, lead, score)


def _join(sentences: Sequence[str]) -> str:
    return " ".join(sentences).replace("。 ", "。").replace("！ ", "！").replace("？ ", "？")
