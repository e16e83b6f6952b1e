"""How likely it is that the document found answers the question.

A logistic regression on what the search saw; fitted by `python -m bench.knowledge.run --fit` on one half of a labelled
set of questions, a third of them without an answer. The measures are free of the size of an index.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search saw of one topic.

    Args:
        vote: the votes for it.
        lead: its votes less those for the best other topic; negative when it is not the first.
        dense: cosine of the question and its nearest passage in the question's language.
        lexical: the same of words.
        ahead: `dense` less that of the best other topic.
    """

    vote: float
    lead: float
    dense: float
    lexical: float
    ahead: float


WEIGHTS = Evidence(vote=5.19, lead=7.35, dense=9.15, lexical=2.11, ahead=1.35)
BIAS = -6.36
THRESHOLD = 0.86
"""An answer less likely than this is not given: at most 3 of 100 questions get a wrong one."""
SUGGEST = 0.2
"""Less likely documents are not even worth offering."""


def probability(seen: Evidence) -> float:
    """That the topic answers, 0..1."""
    total = BIAS
    for name in Evidence.__slots__:
        total += getattr(WEIGHTS, name) * getattr(seen, name)
    return 1.0 / (1.0 + math.exp(-total))
