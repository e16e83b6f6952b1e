"""The shop on PostgreSQL: the same rows, the same once, the same refusals as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from shop import database, models, orders, seed
from shop.database import once, reading, writing


@pytest.fixture(scope="module")
def filled(postgres: str) -> Iterator[str]:
    """URL of a seeded database."""
    assert seed.seed(url=postgres) == "filled"
    yield postgres
    database.close(postgres)


@pytest.fixture(autouse=True)
def shop_on_postgres(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", filled)


def test_the_seed_fills_it_once(filled: str) -> None:
    assert seed.seed(url=filled) in ("current", "moved")
    rows = seed.build(0)
    with reading() as session:
        for table in models.Base.metadata.sorted_tables:
            if table.name in rows:
                count = session.scalar(select(func.count()).select_from(table))
                assert count == len(rows[table.name]), table.name


def test_of_two_who_cancel_at_once_one_is_refunded() -> None:
    with reading() as session:
        paid = select(models.Order.number).where(models.Order.state == "paid").limit(1)
        number = session.scalars(paid).one()

    def cancel(key: str) -> str:
        def change(session: database.Session) -> dict[str, int]:
            return {"refund": orders.cancel(session, orders.load_order(session, number), 1_000).refund_cents}

        try:
            once(key, change)
        except orders.NotAllowed:
            return "refused"
        return "done"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(cancel, [f"try{n}" for n in range(8)]))
    assert sorted(outcomes) == ["done"] + ["refused"] * 7
    with reading() as session:
        refunds = select(func.count()).where(models.Refund.order_number == number)
        assert session.scalar(refunds) == 1


def test_the_same_wish_at_once_is_granted_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: once("wish", lambda session: {"by": n}), range(8)))
    assert len({result["by"] for result in results}) == 1


def test_a_change_that_fails_leaves_nothing() -> None:
    with writing() as session:
        session.add(models.Done(key="gone", result={}, at=1))
        session.flush()
    with reading() as session:
        assert session.get(models.Done, "gone") is None


def test_the_password_of_a_url_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch, filled: str
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", filled.replace("postgres@", "postgres:secret@"))
    monkeypatch.setattr("sys.argv", ["seed"])
    seed.main()
    database.close()
    printed = capsys.readouterr().out
    assert "shop database" in printed
    assert "secret" not in printed
