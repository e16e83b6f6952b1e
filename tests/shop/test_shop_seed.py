"""The seed: enough, the same every time, as of today."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shop import models, seed
from shop.database import DAY, reading, writing
from shop.seed_orders import SCENES

pytestmark = pytest.mark.usefixtures("shop_to_read")


@pytest.mark.parametrize(
    ("table", "least"),
    [
        (models.Customer, 300),
        (models.Product, 150),
        (models.Variant, 1000),
        (models.Order, 3000),
        (models.OrderLine, 4000),
        (models.Review, 2000),
        (models.Shipment, 2000),
        (models.Return, 100),
        (models.Refund, 100),
        (models.KnowledgeArticle, 120),
    ],
)
def test_there_is_enough(table: type[models.Base], least: int) -> None:
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(table)) >= least


def test_every_state_of_an_order_occurs() -> None:
    with reading() as session:
        counts = dict(
            session.execute(select(models.Order.state, func.count()).group_by(models.Order.state)).all()
        )
    assert set(counts) == {
        "placed", "paid", "packed", "shipped", "delivered", "cancelled", "return_requested", "returned",
    }  # fmt: skip
    assert min(counts.values()) >= 10


def test_the_same_day_gives_the_same_rows_and_another_day_only_other_dates() -> None:
    first, again, later = seed.build(0), seed.build(0), seed.build(7 * DAY)
    assert first == again
    for name, rows in first.items():
        for one, other in zip(rows, later[name], strict=True):
            for key, value in one.items():
                moved = key.endswith("_at") and value is not None
                assert other[key] == (value + 7 * DAY if moved else value), (name, key)


def test_moments_follow_one_another_and_none_but_promises_lies_ahead() -> None:
    now = time.time()
    with reading() as session:
        for order in session.scalars(select(models.Order)):
            moments = [order.placed_at, order.paid_at, order.packed_at, order.shipped_at, order.delivered_at]
            known = [moment for moment in moments if moment is not None]
            assert known == sorted(known), order.number
            assert max(known) <= now, order.number
            assert (order.delivered_at is not None) == (
                order.state in ("delivered", "return_requested", "returned")
            )


@pytest.mark.usefixtures("shop")
def test_seeding_again_changes_nothing_and_keeps_what_shoppers_did() -> None:
    with writing() as session:
        session.get_one(models.Order, 10412).address = "Elsewhere 1, 10115 Berlin"
        session.commit()
    assert seed.seed() == "current"
    with reading() as session:
        assert session.get_one(models.Order, 10412).address == "Elsewhere 1, 10115 Berlin"


@pytest.mark.usefixtures("shop")
def test_a_later_day_moves_all_dates_and_keeps_what_shoppers_did() -> None:
    with reading() as session:
        before = session.get_one(models.Order, 10234)
        old_eta, old_delivered = before.eta_at, before.delivered_at
    assert seed.seed(as_of=seed.today() + 3 * DAY) == "moved"
    with reading() as session:
        after = session.get_one(models.Order, 10234)
        assert (after.eta_at, after.delivered_at) == (old_eta + 3 * DAY, old_delivered)
    assert seed.seed(as_of=seed.today() + 3 * DAY) == "current"


@pytest.mark.usefixtures("shop")
def test_fresh_starts_over() -> None:
    with writing() as session:
        session.get_one(models.Order, 10412).address = "Elsewhere 1, 10115 Berlin"
        session.commit()
    assert seed.seed(fresh=True) == "filled"
    with reading() as session:
        assert session.get_one(models.Order, 10412).address.startswith("Lindenstraße")


def test_seeding_is_quick(tmp_path: Path) -> None:
    started = time.process_time()
    seed.seed(url=f"sqlite:///{tmp_path / 'other.db'}")
    assert time.process_time() - started < 8


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: str(scene.number))
def test_the_scenes_are_there(scene: object) -> None:
    with reading() as session:
        order = session.get_one(models.Order, scene.number)
        assert (order.state, order.customer_id) == (scene.state, scene.customer)
        assert {line.sku for line in order.lines} == set(scene.skus)


def test_products_speak_two_languages() -> None:
    with reading() as session:
        titles: set[str] = set()
        for product in session.scalars(select(models.Product)):
            titles.update((product.title_en, product.title_zh))
            assert product.title_en.isascii(), product.title_en
            assert any("\u4e00" <= letter <= "\u9fff" for letter in product.title_zh), product.id
            assert product.description_en
            assert product.description_zh
            assert (
                set(product.details_en)
                == set(product.details_zh)
                == {"material", "care", "waterproof", "fit"}
            )
        assert len(titles) == 2 * session.scalar(select(func.count()).select_from(models.Product))
