"""Complaints and conversations handed to a person: numbers, remedies, the queue, what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.database import DAY
from shop.models import Order, OrderLine, Refund, Ticket
from shop.orders import days_late, start_refund
from shop.policy import (
    DAMAGE_REPORT_DAYS,
    KEEP_DAMAGED_BELOW_CENTS,
    LATE_GRACE_DAYS,
    LATE_VOUCHER_AFTER_DAYS,
    LATE_VOUCHER_CENTS,
    LOST_AFTER_DAYS,
)

KINDS = ("late", "damaged", "wrong_item", "service")
TRANSCRIPT_LINES = 60


@dataclass(frozen=True, slots=True)
class Remedy:
    """What the shop offers and why; amount in cents."""

    code: str
    reason: str
    amount_cents: int = 0


def remedy_for(kind: str, order: Order | None, now: int, line: OrderLine | None = None) -> Remedy:
    """The remedy by rule for a complaint."""
    if kind == "service" or order is None:
        return Remedy("person_answers", "service")
    if kind == "late":
        return _for_late(order, now)
    if order.delivered_at is None:
        return Remedy("person_answers", "not_delivered")
    if now > order.delivered_at + DAMAGE_REPORT_DAYS * DAY:
        return Remedy("warranty_check", "after_report_days")
    if kind == "wrong_item":
        return Remedy("send_right_item", "wrong_item")
    value = (
        line.unit_cents * line.quantity
        if line
        else min((x.unit_cents * x.quantity for x in order.lines), default=0)
    )
    if line is not None and value < KEEP_DAMAGED_BELOW_CENTS:
        return Remedy("keep_and_refund", "small_value", value)
    return Remedy("replace_or_refund", "damaged", value if line else 0)


def _for_late(order: Order, now: int) -> Remedy:
    late = days_late(order, now)
    if order.state == "cancelled":
        return Remedy("person_answers", "cancelled")
    if late <= LATE_GRACE_DAYS and order.delivered_at is not None:
        return Remedy("was_delivered", "delivered_in_time")
    if late <= LATE_GRACE_DAYS:
        return Remedy("on_time", "within_promise")
    if order.delivered_at is None and late >= LOST_AFTER_DAYS:
        return Remedy("send_again", "lost")
    if late > LATE_VOUCHER_AFTER_DAYS:
        return Remedy("voucher", "very_late", LATE_VOUCHER_CENTS)
    if order.shipping_cents:
        return Remedy("shipping_refund", "late", order.shipping_cents)
    return Remedy("carrier_search", "late_free_shipping")


def open_complaint(
    session: Session,
    *,
    kind: str,
    sender_id: str,
    customer_id: str | None,
    order: Order | None,
    language: str,
    summary: str,
    transcript: list[dict[str, Any]],
    now: int,
    line: OrderLine | None = None,
) -> Ticket:
    """Write a complaint down with its remedy; a refund of shipping starts at once, once an order."""
    remedy = remedy_for(kind, order, now, line)
    if remedy.code == "shipping_refund" and order is not None and not _has_refund(session, order, "late"):
        start_refund(session, order, remedy.amount_cents, "late", now)
    ticket = Ticket(
        number=_next_number(session),
        kind=kind,
        state="open",
        sender_id=sender_id,
        customer_id=customer_id,
        order_number=order.number if order else None,
        language=language,
        summary=summary[:2000],
        remedy=remedy.code,
        remedy_reason=remedy.reason,
        amount_cents=remedy.amount_cents,
        transcript=transcript[-TRANSCRIPT_LINES:],
        created_at=now,
    )
    session.add(ticket)
    session.flush()
    return ticket


def add_note(session: Session, number: str, sender_id: str, text: str, kind: str | None = None) -> bool:
    """Add words to an open case of the same conversation, of a kind if one is given; False if there is none."""
    ticket = session.get(Ticket, int(number.removeprefix("T")))
    if (
        ticket is None
        or ticket.state != "open"
        or ticket.sender_id != sender_id
        or kind not in (None, ticket.kind)
    ):
        return False
    ticket.summary = f"{ticket.summary}\n{text}"[:2000]
    return True


def hand_over(
    session: Session,
    *,
    sender_id: str,
    customer_id: str | None,
    language: str,
    summary: str,
    transcript: list[dict[str, Any]],
    now: int,
) -> tuple[Ticket, int]:
    """Put a conversation into the queue for a person, once; return the ticket and its place in the queue."""
    mine = select(Ticket).where(
        Ticket.kind == "handoff", Ticket.state == "open", Ticket.sender_id == sender_id
    )
    ticket = session.scalar(mine)
    if ticket is None:
        ticket = Ticket(
            number=_next_number(session),
            kind="handoff",
            state="open",
            sender_id=sender_id,
            customer_id=customer_id,
            order_number=None,
            language=language,
            summary=summary[:2000],
            remedy=None,
            remedy_reason=None,
            amount_cents=None,
            transcript=[],
            created_at=now,
        )
        session.add(ticket)
    ticket.transcript = transcript[-TRANSCRIPT_LINES:]
    session.flush()
    ahead = select(func.count()).where(
        Ticket.kind == "handoff",
        Ticket.state == "open",
        Ticket.number < ticket.number,
        Ticket.language == language,
    )
    return ticket, (session.scalar(ahead) or 0) + 1


def _has_refund(session: Session, order: Order, cause: str) -> bool:
    return bool(
        session.scalar(select(func.count()).where(Refund.order_number == order.number, Refund.cause == cause))
    )


def _next_number(session: Session) -> int:
    return (session.scalar(select(func.max(Ticket.number))) or 30_000) + 1
