"""Help-centre articles: Markdown files with front matter under shop/articles/{en,zh}."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent / "articles"
LANGUAGES = ("en", "zh")
CATEGORIES = (
    "shipping",
    "returns",
    "payment",
    "sizing",
    "warranty",
    "invoice",
    "account",
    "promotions",
    "contact",
)


@dataclass(frozen=True, slots=True)
class Article:
    """One help-centre article in one language."""

    slug: str
    language: str
    category: str
    title: str
    text: str
    questions: tuple[str, ...]
    valid_from: str

    @property
    def url(self) -> str:
        return f"/shop/articles/{self.slug}?language={self.language}"


@cache
def load_articles() -> tuple[Article, ...]:
    """All articles, sorted by language and slug.

    Raises:
        ValueError: a file lacks a field or names an unknown category; the message names the file.
    """
    return tuple(
        _read(path, language) for language in LANGUAGES for path in sorted((FOLDER / language).glob("*.md"))
    )


def find_article(slug: str, language: str) -> Article | None:
    """The article in the language asked for, or in English."""
    found = {article.language: article for article in load_articles() if article.slug == slug}
    return found.get(language) or found.get("en")


def _read(path: Path, language: str) -> Article:
    raw = path.read_text(encoding="utf-8")
    parts = raw.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise ValueError(f"{path}:1: an article starts with front matter between two lines of '---'")
    head: dict[str, Any] = yaml.safe_load(parts[1])
    missing = {"slug", "title", "category", "questions", "valid_from"} - head.keys()
    if missing:
        raise ValueError(f"{path}:2: front matter lacks {', '.join(sorted(missing))}")
    if head["category"] not in CATEGORIES:
        raise ValueError(f"{path}:2: category {head['category']!r} is none of {', '.join(CATEGORIES)}")
    return Article(
        slug=head["slug"],
        language=language,
        category=head["category"],
        title=head["title"],
        text=parts[2].strip(),
        questions=tuple(str(question) for question in head["questions"]),
        valid_from=str(head["valid_from"]),
    )
