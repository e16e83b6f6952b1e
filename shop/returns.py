"""Returns and exchanges: who may, until when, and what then happens."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.database import DAY
from shop.models import Order, OrderLine, Return, Stock, Variant
from shop.orders import NotAllowed, move
from shop.policy import DAMAGE_REPORT_DAYS, RETURN_DAYS, STORE_CREDIT_BONUS_PERCENT

OUR_FAULT = frozenset({"damaged", "wrong_item", "not_as_described"})
RESOLUTIONS = ("refund", "exchange", "store_credit", "repair")
REPAIRABLE = frozenset({"shoes", "bags", "jackets", "trousers", "outdoor"})


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether a line may go back; `code` says why not, `until` the last moment of the window."""

    allowed: bool
    code: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class ReturnPlan:
    """A booked return; amounts in cents."""

    number: int
    order_number: int
    title_en: str
    title_zh: str
    resolution: str
    amount_cents: int
    free_label: bool
    exchange_sku: str | None


def check_order(order: Order, now: int) -> Eligibility:
    """Whether anything of an order may go back at all."""
    if order.state == "cancelled":
        return Eligibility(False, "cancelled")
    if order.state in ("placed", "paid"):
        return Eligibility(False, "cancel_instead")
    if order.delivered_at is None:
        return Eligibility(False, "not_delivered")
    if now > order.delivered_at + DAMAGE_REPORT_DAYS * DAY:
        return Eligibility(False, "too_late", order.delivered_at + RETURN_DAYS * DAY)
    if order.state == "returned":
        return Eligibility(False, "already_returned")
    return Eligibility(True, "ok", order.delivered_at + RETURN_DAYS * DAY)


def check_line(order: Order, line: OrderLine, reason: str, now: int) -> Eligibility:
    """Whether a line may go back for a reason.

    What is our fault may be reported for longer, and lifts the exclusions of hygiene goods and final sale.
    """
    whole = check_order(order, now)
    if not whole.allowed:
        return whole
    if any(back.line_id == line.id and back.state != "rejected" for back in order.returns):
        return Eligibility(False, "already_returned")
    days = DAMAGE_REPORT_DAYS if reason in OUR_FAULT else RETURN_DAYS
    until = (order.delivered_at or now) + days * DAY
    if now > until:
        return Eligibility(False, "too_late", until)
    product = line.variant.product
    if reason not in OUR_FAULT and product.final_sale:
        return Eligibility(False, "final_sale", until)
    if reason not in OUR_FAULT and product.hygiene:
        return Eligibility(False, "hygiene", until)
    return Eligibility(True, "ok", until)


def check_resolution(line: OrderLine, reason: str, resolution: str) -> str | None:
    """Why a resolution is not offered, or None: repair only mends a fault of what can be mended."""
    if resolution == "repair" and (reason != "damaged" or line.variant.product.category not in REPAIRABLE):
        return "no_repair"
    return None


def exchange_variant(
    session: Session, line: OrderLine, size: str | None, color: str | None = None
) -> Variant | None:
    """The variant to send instead, if it is on the shelf: another size, or the same piece again."""
    wanted = select(Variant).where(
        Variant.product_id == line.variant.product_id,
        Variant.size == (size or line.variant.size),
        Variant.color == (color or line.variant.color),
    )
    variant = session.scalar(wanted)
    if variant is None or variant.stock is None or variant.stock.on_hand < line.quantity:
        return None
    return variant


def request_return(
    session: Session,
    order: Order,
    line: OrderLine,
    reason: str,
    resolution: str,
    now: int,
    size: str | None = None,
) -> ReturnPlan:
    """Book a return; an exchange puts the new piece aside.

    Raises:
        NotAllowed: by date, state or kind of goods, or the exchange is sold out.
    """
    verdict = check_line(order, line, reason, now)
    code = None if verdict.allowed else verdict.code
    code = code or check_resolution(line, reason, resolution)
    if code is not None:
        raise NotAllowed(code)
    variant = exchange_variant(session, line, size) if resolution == "exchange" else None
    if resolution == "exchange":
        if variant is None:
            raise NotAllowed("sold_out")
        session.get_one(Stock, variant.sku).on_hand -= line.quantity
    highest = session.scalar(select(func.max(Return.number))) or 50_000
    session.add(
        Return(
            number=highest + 1,
            order_number=order.number,
            line_id=line.id,
            reason=reason,
            resolution=resolution,
            exchange_sku=variant.sku if variant else None,
            state="requested",
            created_at=now,
            received_at=None,
        )
    )
    if order.state == "delivered":
        move(order, "return_requested", now)
    product = line.variant.product
    return ReturnPlan(
        number=highest + 1,
        order_number=order.number,
        title_en=product.title_en,
        title_zh=product.title_zh,
        resolution=resolution,
        amount_cents=_amount(line, resolution),
        free_label=True,
        exchange_sku=variant.sku if variant else None,
    )


def _amount(line: OrderLine, resolution: str) -> int:
    paid = line.unit_cents * line.quantity
    if resolution == "store_credit":
        return paid + paid * STORE_CREDIT_BONUS_PERCENT // 100
    return paid if resolution == "refund" else 0
