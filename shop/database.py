"""Opening the shop's database and making a change once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from shop.models import Base, Done

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400
POSTGRES = ("postgres", "postgresql")
WRITERS = 5_005
"""Number of the lock that writers hold in PostgreSQL until their transaction ends."""
_opened: dict[str, sessionmaker[Session]] = {}


def database_url() -> str:
    """The URL from SHOP_DATABASE_URL, or the SQLite file in the git-ignored data folder."""
    return os.environ.get("SHOP_DATABASE_URL") or f"sqlite:///{ROOT / '.shoptalk' / 'shop.db'}"


def _sessions(url: str) -> sessionmaker[Session]:
    if url in _opened:
        return _opened[url]
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(_with_driver(url))
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    Base.metadata.create_all(engine)
    _opened[url] = sessionmaker(engine, expire_on_commit=False)
    return _opened[url]


def _with_driver(url: str) -> URL:
    """The URL as SQLAlchemy wants it: `postgres://` and `postgresql://` mean psycopg."""
    made = make_url(url)
    return made.set(drivername="postgresql+psycopg") if made.drivername in POSTGRES else made


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _record: object) -> None:
        # The driver must not open transactions itself, or the begin below would come too late.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        # Writers say so at once: two turns that read, then write, wait instead of failing half-way.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def reading(url: str | None = None) -> Session:
    """A session for looking things up; use it in a `with`."""
    return _sessions(url or database_url())()


def writing(url: str | None = None) -> Session:
    """A session for changing things; use it in a `with` and commit."""
    session = _sessions(url or database_url())()
    connection = session.connection(execution_options={"writing": True})
    if connection.dialect.name == "postgresql":  # as SQLite's writers do, they wait for one another
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
    return session


def once(
    key: str | None, change: Callable[[Session], dict[str, Any]], now: int | None = None
) -> dict[str, Any]:
    """Make a change in one transaction, at most once for a key.

    Args:
        key: names the wish (sender, message, action); None relies on the state machine alone.
        change: does the work in the session and returns a JSON result.
        now: seconds since the epoch, for tests.
    Returns:
        The result, the stored one when the key was seen before.
    """
    with writing() as session:
        seen = session.get(Done, key) if key else None
        if seen is not None:
            return seen.result
        result = change(session)
        if key:
            session.add(Done(key=key, result=result, at=now or int(time.time())))
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
            seen = session.get(Done, key) if key else None
            if seen is None:
                raise
            return seen.result
        return result


def close(url: str | None = None) -> None:
    """Let go of a database, or of every one, for tests and a clean stop."""
    for opened in [url] if url else list(_opened):
        factory = _opened.pop(opened, None)
        if factory is not None:
            factory.kw["bind"].dispose()
