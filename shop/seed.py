"""Fill the shop's database: `python -m shop.seed`.

The same rows every time. Dates are offsets from the day of seeding; running it again on a later day moves all
dates by the days between, so that parcels on their way stay on their way and changes made meanwhile are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from shop import models
from shop.articles import load_articles
from shop.database import DAY, database_url, writing
from shop.goods import GOODS, load_goods
from shop.seed_orders import seed_customers, seed_orders, seed_reviews, seed_stock

SOURCES = ("goods.py", "people.py", "seed.py", "seed_orders.py", "models.py")
Rows = dict[str, list[dict[str, Any]]]


def today() -> int:
    """Midnight UTC of this day, in seconds since the epoch."""
    return int(time.time()) // DAY * DAY


def build(as_of: int) -> Rows:
    """All rows of all tables but the articles, by table name."""
    products, variants = load_goods()
    customers = seed_customers(as_of)
    rows: Rows = {
        "customers": customers,
        "products": products,
        "variants": variants,
        "stock": seed_stock(variants, as_of),
    }
    rows.update(seed_orders(customers, products, variants, as_of))
    rows["reviews"] = seed_reviews(customers, products, as_of)
    return rows


def seed(as_of: int | None = None, url: str | None = None, fresh: bool = False) -> str:
    """Bring the database up to date.

    Args:
        as_of: the day the dates refer to; today by default.
        url: another database than the configured one.
        fresh: throw away what is there, also changes made by shoppers.
    Returns:
        What was done: `filled`, `moved` or `current`.
    """
    as_of = today() if as_of is None else as_of
    version = _version()
    with writing(url) as session:
        settings = {row.name: row.value for row in session.query(models.Setting)}
        if fresh or settings.get("version") != version:
            _fill(session, build(as_of))
            done = "filled"
        else:
            delta = as_of - int(settings["as_of"])
            done = "moved" if delta else "current"
            if delta:
                _move(session, delta)
        _load_articles(session)
        for name, value in (("version", version), ("as_of", str(as_of))):
            session.merge(models.Setting(name=name, value=value))
        session.commit()
    return done


def _version() -> str:
    here = Path(__file__).resolve().parent
    files = [here / name for name in SOURCES] + sorted(GOODS.glob("*.yml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _fill(session: Session, rows: Rows) -> None:
    tables = models.Base.metadata.sorted_tables
    for table in reversed(tables):
        session.execute(delete(table))
    for table in tables:
        if rows.get(table.name):
            session.execute(insert(table), rows[table.name])


def _move(session: Session, delta: int) -> None:
    for table in models.Base.metadata.sorted_tables:
        moments = [column for column in table.columns if column.name == "at" or column.name.endswith("_at")]
        if moments:
            session.execute(update(table).values({column: column + delta for column in moments}))


def _load_articles(session: Session) -> None:
    session.execute(delete(models.KnowledgeArticle))
    for article in load_articles():
        session.add(
            models.KnowledgeArticle(
                slug=article.slug,
                language=article.language,
                category=article.category,
                title=article.title,
                text=article.text,
                questions=list(article.questions),
                valid_from=article.valid_from,
            )
        )


def main() -> None:
    """Command line of the seed."""
    parser = argparse.ArgumentParser(prog="python -m shop.seed", description="Fill the demo shop's database.")
    parser.add_argument(
        "--fresh", action="store_true", help="start over, forgetting changes made by shoppers"
    )
    arguments = parser.parse_args()
    started = time.perf_counter()
    done = seed(fresh=arguments.fresh)
    # The password of a PostgreSQL URL must not reach a terminal or a log.
    place = database_url().rsplit("@", 1)[-1]
    print(f"shop database {done} in {time.perf_counter() - started:.1f} s ({place})")


if __name__ == "__main__":
    main()
