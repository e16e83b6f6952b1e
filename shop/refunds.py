"""Where the money is."""

from __future__ import annotations

from dataclasses import dataclass

from shop.models import Order


@dataclass(frozen=True, slots=True)
class RefundStatus:
    """One refund, or a return still waited for (`code` is then `awaiting_parcel`); amounts in cents."""

    code: str
    amount_cents: int
    number: int | None
    created_at: int
    due_at: int | None
    paid_at: int | None


def refund_status(order: Order) -> list[RefundStatus]:
    """All refunds of an order, newest first; empty if nothing is to be paid back."""
    found = [
        RefundStatus(
            refund.state, refund.amount_cents, refund.number, refund.created_at, refund.due_at, refund.paid_at
        )
        for refund in order.refunds
    ]
    paid_for = {refund.return_number for refund in order.refunds}
    for back in order.returns:
        if back.resolution == "refund" and back.number not in paid_for and back.state == "requested":
            cents = back.line.unit_cents * back.line.quantity
            found.append(RefundStatus("awaiting_parcel", cents, None, back.created_at, None, None))
    return sorted(found, key=lambda status: status.created_at, reverse=True)
