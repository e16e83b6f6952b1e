"""The state machine of an order."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop import models, orders
from shop.database import DAY, once, reading, writing
from shop.identity import order_number

STATES = tuple(orders.TRANSITIONS)
ALLOWED = {
    ("placed", "paid"), ("placed", "cancelled"), ("paid", "packed"), ("paid", "cancelled"), ("packed", "shipped"),
    ("shipped", "delivered"), ("delivered", "return_requested"), ("return_requested", "returned"),
    ("return_requested", "delivered"),
}  # fmt: skip


def an_order(session: object, state: str) -> models.Order:
    wanted = select(models.Order).where(models.Order.state == state).order_by(models.Order.number).limit(1)
    return session.scalars(wanted).one()


@pytest.mark.usefixtures("shop_to_read")
@pytest.mark.parametrize(("start", "end"), list(itertools.product(STATES, STATES)))
def test_only_the_drawn_moves_are_possible(start: str, end: str) -> None:
    with reading() as session:
        order = an_order(session, start)
        if (start, end) in ALLOWED:
            orders.move(order, end, now=123)
            assert order.state == end
        else:
            with pytest.raises(orders.NotAllowed):
                orders.move(order, end, now=123)
            assert order.state == start


@pytest.mark.usefixtures("shop_to_read")
@pytest.mark.parametrize("state", STATES)
def test_cancelling(state: str) -> None:
    with writing() as session:
        number = an_order(session, state).number
        order = orders.load_order(session, number)
        skus = [line.sku for line in order.lines]
        before = [session.get_one(models.Stock, sku).on_hand for sku in skus]
        if state not in ("placed", "paid"):
            assert orders.why_not_cancel(order) == state
            with pytest.raises(orders.NotAllowed):
                orders.cancel(session, order, 1_000)
            return
        result = orders.cancel(session, order, 1_000)
        assert order.state == "cancelled"
        assert order.cancelled_at == 1_000
        assert result.refund_cents == (order.total_cents if state == "paid" else 0)
        assert [session.get_one(models.Stock, sku).on_hand for sku in skus] == [
            count + line.quantity for count, line in zip(before, order.lines, strict=True)
        ]


@pytest.mark.usefixtures("shop_to_read")
@pytest.mark.parametrize("state", STATES)
def test_the_address_is_free_until_the_label_is_printed(state: str) -> None:
    with reading() as session:
        order = an_order(session, state)
        if state in ("placed", "paid"):
            orders.change_address(order, "  Ringstraße 5,  1010 Wien ")
            assert order.address == "Ringstraße 5, 1010 Wien"
        else:
            with pytest.raises(orders.NotAllowed):
                orders.change_address(order, "Ringstraße 5, 1010 Wien")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Lindenstraße 5, 10969 Berlin", True),
        ("上海市徐汇区衡山路88号", True),
        ("Berlin", False),
        ("no idea", False),
        ("anna@example.com 12", False),
        ("http://evil.test/12345", False),
        ("<b>Street 12, Berlin</b>", False),
        ("How long does shipping take 2?", False),
        ("x1" * 150, False),
    ],
)
def test_what_can_be_an_address(text: str, right: bool) -> None:
    assert orders.is_address(text) is right


@pytest.mark.parametrize(
    ("text", "number"),
    [("10234", 10234), ("#10234", 10234), ("SO-10234", 10234), ("订单１０２３４号", 10234), ("1234", None), ("102345", None),
     (None, None), ("", None)],
)  # fmt: skip
def test_order_numbers_in_texts(text: str | None, number: int | None) -> None:
    assert order_number(text) == number


@pytest.mark.usefixtures("shop_to_read")
def test_late_days_count_from_the_promise() -> None:
    with reading() as session:
        order = session.get_one(models.Order, 10305)
        assert orders.days_late(order, order.eta_at + 5 * DAY + 60) == 5
        assert orders.days_late(order, order.eta_at - DAY) == 0
        order.state = "cancelled"
        assert orders.days_late(order, order.eta_at + 5 * DAY) == 0


@pytest.mark.usefixtures("shop")
def test_a_key_makes_a_change_happen_once() -> None:
    calls = []

    def change(session: object) -> dict[str, int]:
        calls.append(1)
        return {"call": len(calls)}

    assert once("k", change) == {"call": 1}
    assert once("k", change) == {"call": 1}
    assert once("other", change) == {"call": 2}
    assert once(None, change) == {"call": 3}


@pytest.mark.usefixtures("shop")
def test_a_change_that_fails_leaves_nothing() -> None:
    def change(session: object) -> dict[str, int]:
        session.get_one(models.Order, 10412).address = "Gone 1"
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        once("k", change)
    with reading() as session:
        assert session.get_one(models.Order, 10412).address.startswith("Lindenstraße")
        assert session.get(models.Done, "k") is None


@pytest.mark.usefixtures("shop")
def test_of_many_at_once_one_cancels() -> None:
    def cancel(session: Session) -> dict[str, int]:
        order = orders.load_order(session, 10412)
        try:
            return {"refund": orders.cancel(session, order, 1_000).refund_cents}
        except orders.NotAllowed:
            return {"refund": 0}

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(once, None, cancel) for _ in range(16)]]
    assert sum(result["refund"] > 0 for result in results) == 1
    with reading() as session:
        refunds = session.scalars(select(models.Refund).where(models.Refund.order_number == 10412)).all()
        assert len(refunds) == 1


@pytest.mark.usefixtures("shop")
def test_of_many_with_one_key_one_runs_and_all_hear_the_same() -> None:
    calls: list[int] = []

    def change(session: Session) -> dict[str, int]:
        calls.append(1)
        return {"call": len(calls)}

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(once, "key", change) for _ in range(16)]]
    assert results == [{"call": 1}] * 16
    assert len(calls) == 1
