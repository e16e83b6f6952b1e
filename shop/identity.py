"""Who may see which order.

A signed-in customer sees their own orders. A guest proves an order with its number and its e-mail or the last
four digits of its phone. Somebody else's order and one that never was get the same answer after the same work:
one query by number, two comparisons in constant time, one row for the failed try.
"""

from __future__ import annotations

import hmac
import re
import time
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shop.database import writing
from shop.models import Customer, GuestAttempt, Order
from shop.orders import load_order
from shop.policy import GUEST_TRIES_PER_HOUR, ORDER_TRIES_PER_HOUR

HOUR = 3_600
_NOBODY = ("C----", "nobody@invalid", "----")
_WIDE_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who is asking: the conversation, and the customer if the channel's signed session says so."""

    sender_id: str
    customer_id: str | None = None

    @property
    def is_guest(self) -> bool:
        return self.customer_id is None


def order_number(text: object) -> int | None:
    """The order number in a text such as `10234`, `#10234` or `SO-10234`, or None."""
    found = re.search(r"(?<!\d)\d{5}(?!\d)", str(text).translate(_WIDE_DIGITS)) if text is not None else None
    return int(found.group()) if found else None


def may_see(session: Session, shopper: Shopper, number: int | None, verifier: str | None) -> bool:
    """Whether the shopper has shown a right to the order. Writes nothing."""
    row = session.execute(
        select(Order.customer_id, Order.email, Order.phone).where(Order.number == (number or -1))
    ).one_or_none()
    customer_id, email, phone = row if row is not None else _NOBODY
    owner = _same(shopper.customer_id or "", customer_id)
    by_mail = _same(_mail(verifier), email.casefold())
    by_phone = _same(_last_digits(verifier), phone[-4:])
    if row is None:
        return False
    # A signed-in customer proves nothing else: another account's order stays closed even with its e-mail.
    return owner if not shopper.is_guest else by_mail or by_phone


def find_order(
    session: Session, shopper: Shopper, order_id: object, verifier: str | None = None, now: int | None = None
) -> Order | None:
    """The whole order if the shopper may see it; None alike for foreign, unknown and locked."""
    number = order_number(order_id)
    if shopper.is_guest and _locked(session, shopper, number, now or int(time.time())):
        return None
    if not may_see(session, shopper, number, verifier):
        return None
    return load_order(session, number) if number is not None else None


def check_guest(shopper: Shopper, order_id: object, verifier: str | None, now: int | None = None) -> bool:
    """Test a guest's proof once and count it if it fails."""
    now = now or int(time.time())
    number = order_number(order_id)
    with writing() as session:
        right = may_see(session, shopper, number, verifier)
        locked = _locked(session, shopper, number, now)
        if not right or locked:
            session.add(GuestAttempt(sender_id=shopper.sender_id[:128], order_id=str(number), at=now))
        session.commit()
    return right and not locked


def customer_of(session: Session, shopper: Shopper) -> Customer | None:
    """The signed-in customer."""
    return session.get(Customer, shopper.customer_id) if shopper.customer_id else None


def looks_like_verifier(text: str) -> bool:
    """Whether a text can be an e-mail address or four digits of a phone at all."""
    return bool(_mail(text) or _last_digits(text))


def _locked(session: Session, shopper: Shopper, number: int | None, now: int) -> bool:
    recent = GuestAttempt.at > now - HOUR
    mine = session.scalar(
        select(func.count()).where(GuestAttempt.sender_id == shopper.sender_id[:128], recent)
    )
    all_of_it = session.scalar(select(func.count()).where(GuestAttempt.order_id == str(number), recent))
    return (mine or 0) >= GUEST_TRIES_PER_HOUR or (all_of_it or 0) >= ORDER_TRIES_PER_HOUR


def _mail(text: str | None) -> str:
    found = re.search(r"[^\s@<>，,;；]+@[^\s@<>，,;；]+\.[A-Za-z]{2,}", text or "")
    return found.group().casefold() if found else ""


def _last_digits(text: str | None) -> str:
    if text is None or "@" in text:
        return ""
    digits = re.sub(r"\D", "", text.translate(_WIDE_DIGITS))
    # Four digits, or a whole phone number; five would be an order number.
    return digits[-4:] if len(digits) == 4 or len(digits) >= 7 else ""


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
