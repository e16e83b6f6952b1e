"""Orders and products as the cards that the chat widget draws."""

from __future__ import annotations

from typing import Any

from shop.catalogue import Item, attribute_of
from shop.labels import ATTRIBUTES, COLORS, SEVERAL, STATES, STEPS, label, pick
from shop.models import Order, OrderLine
from shop.orders import PATH
from shop.policy import CURRENCY

Card = dict[str, Any]


def order_timeline(order: Order, language: str) -> Card:
    """The `order_timeline` card."""
    shipment = order.shipment
    return {
        "type": "order_timeline",
        "order": {
            "id": str(order.number),
            "state": order.state,
            "label": label(STATES, order.state, language),
            "placed_at": order.placed_at,
            "total": order.total_cents / 100,
            "currency": CURRENCY,
            "eta": order.eta_at,
            "carrier": shipment.carrier if shipment else None,
            "tracking_number": shipment.tracking_number if shipment else None,
            "items": [
                {
                    "title": line_title(line, language),
                    "quantity": line.quantity,
                    "image": image_url(line.variant.product_id, line.variant.color),
                }
                for line in order.lines
            ],
            "steps": _steps(order, language),
        },
    }


def order_list(orders: list[Order], language: str) -> Card:
    """The `orders` card."""
    return {
        "type": "orders",
        "items": [
            {
                "id": str(order.number),
                "state": order.state,
                "label": label(STATES, order.state, language),
                "placed_at": order.placed_at,
                "total": order.total_cents / 100,
                "currency": CURRENCY,
            }
            for order in orders
        ],
    }


def product_cards(items: list[Item], language: str) -> Card:
    """The `product_cards` card."""
    return {"type": "product_cards", "items": [product_card(item, language) for item in items]}


def product_card(item: Item, language: str, color: str | None = None) -> Card:
    """One product as the storefront and the cards show it."""
    return {
        "id": item.id,
        "title": item.title(language),
        "price": item.price_cents / 100,
        "currency": CURRENCY,
        "image": image_url(item.id, color if color in item.colors else item.colors[0]),
        "stock": item.on_hand,
        "rating": item.rating,
        "url": f"/?product={item.id}",
    }


def comparison(items: list[Item], language: str) -> Card:
    """The `comparison` card of two or more products."""
    keys = (
        "price",
        "material",
        "waterproof",
        "weight",
        "fit",
        "care",
        "colors",
        "sizes",
        "warranty",
        "rating",
    )
    rows = [
        {
            "label": label(ATTRIBUTES, key, language),
            "values": [attribute_of(item, key, language) for item in items],
        }
        for key in keys
    ]
    return {"type": "comparison", "items": [product_card(item, language) for item in items], "rows": rows}


def image_url(product_id: str, color: str) -> str:
    """Where the drawing of a product in a colour is."""
    return f"/shop/images/{product_id}-{color.lower()}.svg"


def line_title(line: OrderLine, language: str) -> str:
    """`Harbour Rain Jacket, navy, M`."""
    variant = line.variant
    title = variant.product.title_zh if language == "zh" else variant.product.title_en
    parts = [title, label(COLORS, variant.color, language)]
    if variant.size != "one size":
        parts.append(variant.size)
    return ("，" if language == "zh" else ", ").join(parts)


def order_summary(order: Order, language: str) -> str:
    """The first piece of an order, and how many more."""
    first = line_title(order.lines[0], language)
    more = len(order.lines) - 1
    if not more:
        return first
    count = len(order.lines) if language == "zh" else more
    return pick(SEVERAL, language).format(first=first, count=count)


def _steps(order: Order, language: str) -> list[Card]:
    path = [*PATH]
    if order.state == "cancelled":
        path = [state for state in PATH[:2] if getattr(order, f"{state}_at")] + ["cancelled"]
    elif order.state in ("return_requested", "returned"):
        path.append(order.state)
    times = {back.state: back.received_at or back.created_at for back in order.returns}
    moments = {"return_requested": times.get("requested"), "returned": times.get("received")}
    steps = []
    for state in path:
        at = moments[state] if state in moments else getattr(order, f"{state}_at")
        done = at is not None or state == order.state
        steps.append({"state": state, "label": label(STEPS, state, language), "at": at, "done": done})
    return steps
