"""What else a shopper may like: by stated wishes, by past purchases, by what others bought together."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache

from sqlalchemy import select

from shop.catalogue import Item, Wish, all_items, search, with_stock
from shop.database import database_url, reading
from shop.models import Order, OrderLine, Variant


def for_wishes(wish: Wish, limit: int = 4) -> list[Item]:
    """Products that fit, loosening colour, then price, when nothing does."""
    found = search(wish, limit)
    if not found and wish.color:
        found = search(replace(wish, color=None), limit)
    if not found and wish.category:
        found = search(Wish(wish.text, wish.category, tags=wish.tags), limit)
    return [item for item in found if item.on_hand > 0] or found


def for_customer(customer_id: str, limit: int = 4) -> tuple[list[Item], list[Item]]:
    """Recommendations and the purchases they rest on, most recent first."""
    items = {item.id: item for item in all_items()}
    owned = _bought(customer_id)
    together = _together(database_url())
    mine = [items[product] for product in owned if product in items]
    scores: defaultdict[str, float] = defaultdict(float)
    for position, past in enumerate(mine[:8]):
        weight = 1.0 / (1 + 0.3 * position)
        for product, count in together.get(past.id, {}).items():
            scores[product] += weight * min(count, 6) * 0.5
        for item in items.values():
            scores[item.id] += weight * _alike(past, item)
    families = {item.family for item in mine}
    ranked = sorted(
        (
            item
            for item in items.values()
            if item.id not in owned and item.category != "gift_cards" and scores[item.id] > 0
        ),
        key=lambda item: (-scores[item.id] - item.rating / 4 + 0.8 * (item.family in families), item.id),
    )
    available = [item for item in with_stock(_varied(ranked, limit * 3)) if item.on_hand > 0]
    return available[:limit], mine


def best_rated(limit: int = 4) -> list[Item]:
    """For somebody without purchases: well rated by many, one of a family."""
    ranked = sorted(all_items(), key=lambda item: (-item.rating * min(item.reviews, 12), item.id))
    return with_stock(_varied(ranked, limit))


def similar(item: Item, limit: int = 3) -> list[Item]:
    """Products like one, for when it is sold out."""
    ranked = sorted(
        all_items(), key=lambda other: (-_alike(item, other) - (other.family == item.family), other.id)
    )
    found = with_stock([other for other in ranked if other.id != item.id][: limit * 2])
    return [other for other in found if other.on_hand > 0][:limit]


def _alike(one: Item, other: Item) -> float:
    shared = len(set(one.tags) & set(other.tags)) / max(len(set(one.tags) | set(other.tags)), 1)
    near = 1 - min(abs(one.price_cents - other.price_cents) / max(one.price_cents, 1), 1)
    return shared + 0.3 * near


def _varied(items: list[Item], limit: int) -> list[Item]:
    seen: Counter[str] = Counter()
    chosen = []
    for item in items:
        if seen[item.family] < 1:
            seen[item.family] += 1
            chosen.append(item)
    return chosen[:limit]


def _bought(customer_id: str) -> list[str]:
    wanted = (
        select(Variant.product_id)
        .join(OrderLine, OrderLine.sku == Variant.sku)
        .join(Order, Order.number == OrderLine.order_number)
        .where(Order.customer_id == customer_id, Order.state != "cancelled")
        .order_by(Order.placed_at.desc(), OrderLine.id)
    )
    with reading() as session:
        return list(dict.fromkeys(session.scalars(wanted)))


@cache
def _together(url: str) -> dict[str, Counter[str]]:
    """How often two products were bought by the same person."""
    wanted = (
        select(Order.customer_id, Variant.product_id)
        .join(OrderLine, OrderLine.order_number == Order.number)
        .join(Variant, Variant.sku == OrderLine.sku)
        .where(Order.state != "cancelled")
        .distinct()
    )
    baskets: dict[str, list[str]] = {}
    with reading(url) as session:
        for customer, product in session.execute(wanted):
            baskets.setdefault(customer, []).append(product)
    counts: dict[str, Counter[str]] = {}
    for products in baskets.values():
        for one in products:
            counts.setdefault(one, Counter()).update(other for other in products if other != one)
    return counts
