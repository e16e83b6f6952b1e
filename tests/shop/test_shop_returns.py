"""Who may return what, until when; what is offered for a complaint."""

from __future__ import annotations

import pytest

from shop import models, returns, tickets
from shop.database import DAY, reading, writing
from shop.orders import NotAllowed, load_order

pytestmark = pytest.mark.usefixtures("shop_to_read")
# Order, days since its delivery, hygiene, final sale, reason, what comes out.
TABLE = [
    ("delivered", 0, False, False, "changed_mind", "ok"),
    ("delivered", 30, False, False, "changed_mind", "ok"),
    ("delivered", 31, False, False, "changed_mind", "too_late"),
    ("delivered", 31, False, False, "damaged", "ok"),
    ("delivered", 60, False, False, "wrong_item", "ok"),
    ("delivered", 61, False, False, "damaged", "too_late"),
    ("delivered", 5, True, False, "too_small", "hygiene"),
    ("delivered", 5, True, False, "damaged", "ok"),
    ("delivered", 5, True, False, "wrong_item", "ok"),
    ("delivered", 5, False, True, "changed_mind", "final_sale"),
    ("delivered", 5, False, True, "not_as_described", "ok"),
    ("return_requested", 5, False, False, "too_large", "ok"),
    ("returned", 5, False, False, "too_large", "already_returned"),
    ("shipped", None, False, False, "changed_mind", "not_delivered"),
    ("packed", None, False, False, "changed_mind", "not_delivered"),
    ("paid", None, False, False, "changed_mind", "cancel_instead"),
    ("placed", None, False, False, "changed_mind", "cancel_instead"),
    ("cancelled", None, False, False, "changed_mind", "cancelled"),
]


@pytest.mark.parametrize(("state", "days", "hygiene", "final", "reason", "code"), TABLE)
def test_eligibility(
    state: str, days: int | None, hygiene: bool, final: bool, reason: str, code: str
) -> None:
    now = 1_800_000_000
    with reading() as session:
        order = load_order(session, 10187)
        order.state = state
        order.delivered_at = None if days is None else now - days * DAY
        line = order.lines[0]
        line.variant.product.hygiene, line.variant.product.final_sale = hygiene, final
        verdict = returns.check_line(order, line, reason, now)
        assert verdict.code == code
        assert verdict.allowed is (code == "ok")


def test_a_line_goes_back_once_and_the_exchange_is_put_aside() -> None:
    with writing() as session:
        order = load_order(session, 10187)
        now = order.delivered_at + DAY
        line = order.lines[0]
        stock = session.get_one(models.Stock, "P026-NAVY-L")
        stock.on_hand = 2
        plan = returns.request_return(session, order, line, "too_small", "exchange", now, "L")
        assert plan.exchange_sku == "P026-NAVY-L"
        assert stock.on_hand == 1
        assert order.state == "return_requested"
        session.flush()
        session.expire(order)
        with pytest.raises(NotAllowed, match="already_returned"):
            returns.request_return(session, order, line, "too_small", "refund", now)
        second = returns.request_return(session, order, order.lines[1], "changed_mind", "store_credit", now)
        assert second.amount_cents == order.lines[1].unit_cents * 110 // 100


def test_no_exchange_for_what_is_sold_out_and_no_repair_without_a_fault() -> None:
    with writing() as session:
        order = load_order(session, 10187)
        now = order.delivered_at + DAY
        session.get_one(models.Stock, "P026-NAVY-L").on_hand = 0
        with pytest.raises(NotAllowed, match="sold_out"):
            returns.request_return(session, order, order.lines[0], "too_small", "exchange", now, "L")
        with pytest.raises(NotAllowed, match="no_repair"):
            returns.request_return(session, order, order.lines[0], "too_small", "repair", now)
        assert order.state == "delivered"


@pytest.mark.parametrize(
    ("days", "shipping", "delivered", "code"),
    [
        (0, 490, False, "on_time"),
        (1, 490, False, "on_time"),
        (2, 490, False, "shipping_refund"),
        (3, 490, True, "shipping_refund"),
        (2, 0, False, "carrier_search"),
        (4, 490, False, "voucher"),
        (4, 0, True, "voucher"),
        (10, 0, False, "send_again"),
        (12, 0, True, "voucher"),
        (0, 490, True, "was_delivered"),
        (1, 0, True, "was_delivered"),
    ],
)
def test_the_remedy_for_a_late_parcel(days: int, shipping: int, delivered: bool, code: str) -> None:
    with reading() as session:
        order = load_order(session, 10305)
        order.shipping_cents = shipping
        now = order.eta_at + days * DAY + 60
        order.delivered_at = now if delivered else None
        assert tickets.remedy_for("late", order, now).code == code


def test_the_remedy_for_damage_depends_on_value_and_age() -> None:
    with reading() as session:
        order = load_order(session, 10298)
        line, now = order.lines[0], order.delivered_at + DAY
        assert tickets.remedy_for("damaged", order, now, line).code == "replace_or_refund"
        line.unit_cents = 1_999
        assert tickets.remedy_for("damaged", order, now, line) == tickets.Remedy(
            "keep_and_refund", "small_value", 1_999
        )
        assert tickets.remedy_for("damaged", order, now, None).code == "replace_or_refund"
        assert tickets.remedy_for("damaged", order, now + 60 * DAY, line).code == "warranty_check"
        assert tickets.remedy_for("wrong_item", order, now, line).code == "send_right_item"
        assert tickets.remedy_for("service", None, now).code == "person_answers"


def test_the_queue_counts_those_before_and_keeps_a_place() -> None:
    with writing() as session:
        places = []
        for sender in ("a", "b", "a", "c"):
            ticket, position = tickets.hand_over(
                session,
                sender_id=sender,
                customer_id=None,
                language="en",
                summary="",
                transcript=[{"text": sender}],
                now=1,
            )
            places.append((ticket.sender_id, position))
        assert places == [("a", 1), ("b", 2), ("a", 1), ("c", 3)]
