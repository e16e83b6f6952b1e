"""Looking an answer up in the help centre. `python -m shop.knowledge` builds its index ahead of the first question.

The one seam to the framework: `_index` builds the public `shoptalk.knowledge.KnowledgeIndex` where it is installed.
Where it is not, as under another framework that runs this project, a small lexical search answers instead.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import Any

from shop.articles import Article, load_articles
from shop.database import ROOT

logger = logging.getLogger(__name__)
ENCODER = "multilingual-e5-small"
# Below these the nearest article is no answer.
LEXICAL_THRESHOLD = 0.34
DENSE_THRESHOLD = 0.86
LIKELY = 0.6
"""Share of the threshold that an article of the category named by the intent needs."""
AGREED = 0.93
"""Share of the threshold that the nearest article needs if it is of that category."""
# A shopper waits no longer than this for the index to load; until then words alone decide.
WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Passage:
    """A found article; the score is comparable only within one search."""

    article: Article
    text: str
    score: float


def search(question: str, language: str, category: str | None = None, limit: int = 3) -> list[Passage]:
    """The articles nearest to a question, best first."""
    return _ranked(question, language, category, limit)[0]


def answer(question: str, language: str, category: str | None = None) -> Passage | None:
    """The article that answers a question, or None when none is near enough.

    Where the intent names a category and an article of it is likely, that one answers: two readers of the question
    agree on it, and a nearer article of another category has only one of them.
    """
    found, threshold = _ranked(question, language, None, 10)
    if not found or found[0].score < threshold * (AGREED if found[0].article.category == category else 1):
        return None
    likely = (passage for passage in found if passage.score >= threshold * LIKELY)
    best = next((passage for passage in likely if passage.article.category == category), found[0])
    return Passage(best.article, best.article.text, best.score)


def suggest(question: str, language: str, limit: int = 3) -> list[Article]:
    """Articles worth offering when none is sure to answer."""
    index = _index()
    if index is None:
        return []
    articles = _by_id()
    return [articles[hit.document.id] for hit in index.suggest(question, language, limit)]


def warm_up() -> bool:
    """Build the index now, however long it takes; False if only the lexical search is there."""
    return _index(wait_s=None) is not None


def _ranked(question: str, language: str, category: str | None, limit: int) -> tuple[list[Passage], float]:
    """The nearest articles, and the score below which they are no answer."""
    if not question.strip():
        return [], LEXICAL_THRESHOLD
    index = _index()
    if index is None:
        return _lexical(question, language, category)[:limit], LEXICAL_THRESHOLD
    articles = _by_id()
    hits = index.search(question, language=language, category=category, k=limit)
    return [
        Passage(articles[hit.document.id], hit.passage, float(hit.score)) for hit in hits
    ], DENSE_THRESHOLD


@cache
def _by_id() -> dict[str, Article]:
    return {f"{article.language}/{article.slug}": article for article in load_articles()}


def _index(wait_s: float | None = WAIT_S) -> Any | None:
    """The index, or None where there is none or while it is still being built."""
    building = _building()
    wait([building], wait_s)
    return building.result() if building.done() else None


@cache
def _building() -> Future[Any | None]:
    return ThreadPoolExecutor(1, thread_name_prefix="knowledge").submit(_build)


def _build() -> Any | None:
    try:
        from shoptalk.errors import ComponentError
        from shoptalk.knowledge import Document, KnowledgeIndex
    except ImportError:
        return None
    documents = [
        Document(
            id=key,
            title=article.title,
            text=article.text,
            questions=article.questions,
            language=article.language,
            category=article.category,
            url=article.url,
        )
        for key, article in _by_id().items()
    ]
    try:
        return KnowledgeIndex.build(documents, encoder=ENCODER, cache_dir=ROOT / ".shoptalk" / "knowledge")
    except ComponentError as problem:
        logger.warning("knowledge.lexical_only: %s", problem)
        return None


def _lexical(question: str, language: str, category: str | None) -> list[Passage]:
    """Articles by weighted overlap of their title and questions with the question, from 0 to 1."""
    articles, weights = _lexicon(language)
    wanted = _terms(question)
    total = sum(weights.get(term, 4.0) for term in wanted) or 1.0
    found = []
    for article, phrases in articles:
        if category in (None, article.category):
            best = max(_overlap(wanted, phrase, weights, total) for phrase in phrases)
            found.append(Passage(article, article.text, best))
    return sorted(found, key=lambda passage: (-passage.score, passage.article.slug))


def _overlap(wanted: set[str], phrase: set[str], weights: dict[str, float], total: float) -> float:
    shared = sum(weights[term] for term in wanted & phrase)
    own = sum(weights[term] for term in phrase) or 1.0
    return 2 * shared / (total + own)


@cache
def _lexicon(language: str) -> tuple[list[tuple[Article, list[set[str]]]], dict[str, float]]:
    articles = [
        (article, [_terms(phrase) for phrase in (article.title, *article.questions)])
        for article in load_articles()
        if article.language == language
    ]
    counts = Counter(term for _, phrases in articles for term in set().union(*phrases))
    return articles, {term: math.log(1 + len(articles) / count) for term, count in counts.items()}


def _terms(text: str) -> set[str]:
    words = {word[:6] for word in re.findall(r"[a-z0-9]{2,}", text.lower())}
    runs = re.findall(r"[\u4e00-\u9fff]+", text)
    return words | {run[start : start + 2] for run in runs for start in range(max(len(run) - 1, 1))}


if __name__ == "__main__":
    print("help centre:", "index built" if warm_up() else "lexical search only")
