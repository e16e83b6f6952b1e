"""How well the help centre is searched: hit@1, hit@3, MRR, and answers given at the shipped threshold.

    python -m bench.knowledge.run             the half of the questions that nothing was chosen by
    python -m bench.knowledge.run --fit       fit the calibration on the other half, and print it
    python -m bench.knowledge.run --own       the articles' own questions, each left out of the index in turn

A question belongs to the reporting half when the first byte of its SHA-256 is odd.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from shoptalk.knowledge import Document, KnowledgeIndex, calibration
from shoptalk.knowledge.calibration import Evidence
from shoptalk.knowledge.kernel import RIDGE, kernel

QUESTIONS = Path("tests/bot/questions")
ALL = 10_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question, and the slug of the article that answers it (None: none does)."""

    language: str
    text: str
    slug: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A labelled question with the rank of its article (0 is first) and the first hit."""

    asked: Labelled
    rank: int | None
    score: float
    right: bool
    evidence: Evidence


def labelled(reporting: bool) -> list[Labelled]:
    """Questions of one half."""
    rows = []
    for language in ("en", "zh"):
        for row in yaml.safe_load((QUESTIONS / f"faq_{language}.yml").read_text(encoding="utf-8")):
            if hashlib.sha256(row["question"].encode()).digest()[0] % 2 == reporting:
                rows.append(Labelled(language, row["question"], row["slug"]))
    return rows


def build(cache: Path | None = Path(".shoptalk/knowledge")) -> KnowledgeIndex:
    """The index of the shop's articles."""
    from shop.articles import load_articles

    documents = [
        Document(f"{a.language}/{a.slug}", a.title, a.text, a.questions, a.language, a.category, a.url)
        for a in load_articles()
    ]
    return KnowledgeIndex.build(documents, cache_dir=cache)


def ask(index: KnowledgeIndex, questions: Sequence[Labelled]) -> list[Found]:
    """Search for each question."""
    out = []
    for asked in questions:
        hits = index.search(asked.text, asked.language, k=ALL)
        topics = [hit.document.topic for hit in hits]
        rank = topics.index(asked.slug) if asked.slug else None
        out.append(Found(asked, rank, hits[0].score, rank == 0, hits[0].evidence))
    return out


def figures(found: Sequence[Found]) -> dict[str, float]:
    """The measures, in percent."""
    ranks = [f.rank for f in found if f.rank is not None]
    given = [f for f in found if f.score >= calibration.THRESHOLD]
    none = [f for f in found if f.asked.slug is None]
    return {
        "questions": len(found),
        "without_answer": len(none),
        "hit@1": percent(sum(r == 0 for r in ranks), len(ranks)),
        "hit@3": percent(sum(r < 3 for r in ranks), len(ranks)),
        "mrr": percent(sum(1 / (1 + r) for r in ranks), len(ranks)),
        "answered_right": percent(sum(f.right for f in given), len(ranks)),
        "wrong_given": percent(sum(not f.right for f in given), len(found)),
        "wrong_of_given": percent(sum(not f.right for f in given), len(given)),
        "abstained_rightly": percent(sum(f.score < calibration.THRESHOLD for f in none), len(none)),
    }


def left_out(index: KnowledgeIndex) -> dict[str, float]:
    """hit@1 of the articles' own questions, each asked of an index without it; in closed form, from one inverse."""
    matrix = kernel(index._space.all_pairs()).astype(np.float64)
    matrix[np.diag_indices_from(matrix)] += RIDGE
    inverse = np.linalg.inv(matrix)
    passages = index._passages
    wanted = np.eye(len(index._topics))[passages.topic] - 1.0 / len(index._topics)
    votes = wanted - (inverse @ wanted) / np.diag(inverse)[:, None]
    right = votes.argmax(axis=1) == passages.topic
    titles = np.diff(passages.document, prepend=-1) != 0
    asked = ~passages.sentence & ~titles
    languages = np.array([index._documents[place].language for place in passages.document])
    return {
        name: percent(right[asked & (languages == name)].sum(), (asked & (languages == name)).sum())
        for name in ("en", "zh")
    } | {"questions": int(asked.sum()), "hit@1": percent(right[asked].sum(), asked.sum())}


def percent(part: float, whole: int) -> float:
    """Of nothing it is nothing."""
    return round(100 * part / whole, 1) if whole else 0.0


def fit(found: Sequence[Found]) -> dict[str, Any]:
    """Weights of the calibration, and the lowest threshold that keeps wrong answers at 2.5 %, cross-validated."""
    from sklearn.linear_model import LogisticRegression

    names = list(Evidence.__slots__)
    rows = np.array([[getattr(f.evidence, name) for name in names] for f in found])
    right = np.array([f.right for f in found])
    scale = rows.std(axis=0)
    order = np.random.default_rng(0).permutation(len(rows))
    held = np.zeros(len(rows))
    for fold in range(10):
        out = order[fold::10]
        rest = np.setdiff1d(order, out)
        model = LogisticRegression(C=1.0).fit(rows[rest] / scale, right[rest])
        held[out] = model.predict_proba(rows[out] / scale)[:, 1]
    ranked = np.argsort(-held)
    wrong = np.cumsum(~right[ranked]) / len(rows)
    last = int(np.searchsorted(wrong, 0.025, side="right")) - 1
    model = LogisticRegression(C=1.0).fit(rows / scale, right)
    return {
        "weights": {n: round(float(w), 2) for n, w in zip(names, model.coef_[0] / scale, strict=True)},
        "bias": round(float(model.intercept_[0]), 2),
        "threshold": round(float(held[ranked[last]]), 3),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="How well the help centre is searched.")
    parser.add_argument("--fit", action="store_true", help="fit the calibration on the choosing half")
    parser.add_argument(
        "--own", action="store_true", help="the articles' own questions, each left out in turn"
    )
    args = parser.parse_args()
    index = build()
    if args.own:
        print(json.dumps(left_out(index)))
        return
    questions = labelled(reporting=not args.fit)
    ask(index, questions[:5])
    begun = time.process_time()
    found = ask(index, questions)
    spent = (time.process_time() - begun) / len(questions)
    if args.fit:
        print(json.dumps(fit(found), indent=1))
    for language in ("en", "zh", ""):
        part = [f for f in found if f.asked.language == language or not language]
        print(language or "all", json.dumps(figures(part)))
    print(f"{1000 * spent:.1f} ms of CPU a query (ranking all topics)")


if __name__ == "__main__":
    main()
