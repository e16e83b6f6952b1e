"""What may happen to an order, and when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.sql.base import ExecutableOption

from shop.database import DAY
from shop.models import Order, OrderLine, Refund, Stock, Variant
from shop.policy import REFUND_DAYS

# From each state, the states it may move to.
TRANSITIONS: dict[str, frozenset[str]] = {
    "placed": frozenset({"paid", "cancelled"}),
    "paid": frozenset({"packed", "cancelled"}),
    "packed": frozenset({"shipped"}),
    "shipped": frozenset({"delivered"}),
    "delivered": frozenset({"return_requested"}),
    "return_requested": frozenset({"returned", "delivered"}),
    "returned": frozenset(),
    "cancelled": frozenset(),
}
PATH = ("placed", "paid", "packed", "shipped", "delivered")
OPEN_STATES = ("placed", "paid", "packed", "shipped")


class NotAllowed(Exception):
    """The state of the order forbids the change; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What a cancellation brought about; amounts in cents."""

    order_number: int
    refund_number: int | None
    refund_cents: int


def move(order: Order, state: str, now: int) -> None:
    """Move an order to a state and note the moment.

    Raises:
        NotAllowed: the present state does not lead there.
    """
    if state not in TRANSITIONS[order.state]:
        raise NotAllowed(f"{order.state}_to_{state}")
    back_to_delivered = order.state == "return_requested" and state == "delivered"
    order.state = state
    if hasattr(order, f"{state}_at") and not back_to_delivered:
        setattr(order, f"{state}_at", now)


def why_not_cancel(order: Order) -> str | None:
    """The reason an order cannot be cancelled, or None if it can."""
    return None if "cancelled" in TRANSITIONS[order.state] else order.state


def why_not_change_address(order: Order) -> str | None:
    """The reason the address is fixed, or None: it may change until the label is printed at packing."""
    return None if order.state in ("placed", "paid") else order.state


def cancel(session: Session, order: Order, now: int) -> Cancelled:
    """Cancel an order, put its goods back on the shelf and start the refund.

    Raises:
        NotAllowed: it has been packed or later.
    """
    reason = why_not_cancel(order)
    if reason is not None:
        raise NotAllowed(reason)
    was_paid = order.paid_at is not None
    move(order, "cancelled", now)
    for line in order.lines:
        stock = session.get(Stock, line.sku)
        if stock is not None:
            stock.on_hand += line.quantity
    if not was_paid:
        return Cancelled(order.number, None, 0)
    refund = start_refund(session, order, order.total_cents, "cancelled", now)
    return Cancelled(order.number, refund.number, refund.amount_cents)


def change_address(order: Order, address: str) -> None:
    """Send an order elsewhere.

    Raises:
        NotAllowed: the label is printed.
        ValueError: the text is no postal address.
    """
    reason = why_not_change_address(order)
    if reason is not None:
        raise NotAllowed(reason)
    if not is_address(address):
        raise ValueError("an address has a street, a number and a place")
    order.address = " ".join(address.split())


def is_address(text: str) -> bool:
    """Whether a text can be a postal address: a number, letters enough, no mail or web address."""
    letters = sum(character.isalpha() for character in text)
    wide = any("\u4e00" <= character <= "\u9fff" for character in text)
    return (
        any(character.isdigit() for character in text)
        and letters >= (5 if wide else 8)
        and len(text) <= 200
        and not any(mark in text for mark in "@<>{}?？")
        and "://" not in text
    )


def start_refund(
    session: Session, order: Order, cents: int, cause: str, now: int, return_number: int | None = None
) -> Refund:
    """Begin to pay back; the bank has it after at most the refund days of the policy."""
    highest = session.scalar(select(func.max(Refund.number))) or 70_000
    refund = Refund(
        number=highest + 1,
        order_number=order.number,
        return_number=return_number,
        amount_cents=cents,
        cause=cause,
        state="pending",
        created_at=now,
        due_at=now + REFUND_DAYS * DAY,
        paid_at=None,
    )
    session.add(refund)
    session.flush()
    return refund


def load_order(session: Session, number: int) -> Order | None:
    """An order with all that hangs on it. Ask `shop.identity` first whether it may be shown."""
    return session.scalar(select(Order).where(Order.number == number).options(*_whole()))


def orders_of(session: Session, customer_id: str, limit: int = 5) -> list[Order]:
    """A customer's orders, newest first."""
    wanted = (
        select(Order).where(Order.customer_id == customer_id).order_by(Order.placed_at.desc(), Order.number)
    )
    return list(session.scalars(wanted.limit(limit).options(*_whole())))


def days_late(order: Order, now: int) -> int:
    """Whole days an order is or was behind its promised day; 0 if it is on time."""
    if order.eta_at is None or order.state == "cancelled":
        return 0
    return max(0, ((order.delivered_at or now) - order.eta_at) // DAY)


def _whole() -> tuple[ExecutableOption, ...]:
    product = selectinload(Order.lines).joinedload(OrderLine.variant).joinedload(Variant.product)
    return (product, selectinload(Order.shipment), selectinload(Order.returns), selectinload(Order.refunds))
