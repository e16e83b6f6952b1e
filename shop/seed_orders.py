"""Rows of customers, stock, orders and reviews: drawn from a fixed seed, relative to a day."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shop import people
from shop.database import DAY
from shop.policy import EXPRESS_SHIPPING_CENTS, FREE_SHIPPING_FROM_CENTS, REFUND_DAYS, STANDARD_SHIPPING_CENTS

Row = dict[str, Any]
CUSTOMERS = 320
ORDERS = 3_060
REVIEWS = 2_200
FIRST_NUMBER = 10_001
HOUR = 3_600
CARRIERS = ("DHL", "DPD", "GLS", "UPS")
PAYMENTS = ("card", "paypal", "invoice", "alipay", "wechat_pay")
DEMO_CUSTOMERS = ("C0001", "C0002", "C0003", "C0004", "C0005")


@dataclass(frozen=True, slots=True)
class Scene:
    """An order that demonstrations and tests rely on; days count back from the day of seeding."""

    number: int
    customer: str
    state: str
    placed_days: float
    eta_days: float | None
    skus: tuple[str, ...]
    resolution: str | None = None


# (name, e-mail, phone, language, address, country)
DEMO_PEOPLE = (
    (
        "Anna Keller",
        "anna.keller@example.com",
        "+49 30 5550 4821",
        "en",
        "Lindenstraße 12, 10969 Berlin",
        "DE",
    ),
    ("李娜", "li.na@example.com", "+86 138 0013 7755", "zh", "上海市徐汇区衡山路88号", "CN"),
    ("Tom Baker", "tom.baker@example.com", "+353 1 555 6120", "en", "Mill Lane 4, D08 Dublin", "IE"),
    ("陈伟", "chen.wei@example.com", "+49 40 5550 3316", "zh", "Hafenweg 27, 20457 Hamburg", "DE"),
    ("Marta Nowak", "marta.nowak@example.com", "+48 22 555 9048", "en", "Nørregade 8, 1165 København", "DK"),
)
SCENES = (
    Scene(10234, "C0001", "shipped", 3, -1, ("P001-NAVY-M", "P055-BLACK-39-41")),
    Scene(10187, "C0001", "delivered", 9, 6, ("P026-NAVY-M", "P058-WHITE-39")),
    Scene(10412, "C0001", "paid", 0.4, -3, ("P015-WHITE-M", "P075-OLIVE-OS")),
    Scene(10078, "C0001", "delivered", 84, 80, ("P042-BLACK-L",)),
    Scene(10305, "C0002", "shipped", 16, 5, ("P006-BLACK-S",)),
    Scene(10298, "C0002", "delivered", 16, 10, ("P044-GREEN-S", "P117-GREEN-05L")),
    Scene(10521, "C0002", "placed", 0.3, -8, ("P097-GREY-OS",)),
    Scene(10366, "C0003", "returned", 16, 12, ("P035-BLACK-L",), "refund"),
    Scene(10377, "C0003", "cancelled", 10, None, ("P062-BROWN-43",)),
    Scene(10450, "C0003", "packed", 1, -2, ("P063-OLIVE-44",)),
    Scene(10441, "C0004", "return_requested", 18, 14, ("P024-WHITE-L",), "exchange"),
    Scene(10399, "C0004", "delivered", 7, 4, ("P074-BROWN-OS", "P086-NAVY-OS")),
)


def seed_customers(as_of: int) -> list[Row]:
    """The demo customers first, then people drawn by name."""
    draw = random.Random(11)
    rows: list[Row] = []
    for number in range(1, CUSTOMERS + 1):
        if number <= len(DEMO_PEOPLE):
            person = DEMO_PEOPLE[number - 1]
        else:
            person = _chinese(draw, number) if draw.random() < 0.3 else _european(draw, number)
        fields = dict(zip(("name", "email", "phone", "language", "address", "country"), person, strict=True))
        rows.append({"id": f"C{number:04d}", **fields, "joined_at": as_of - draw.randrange(430, 1500) * DAY})
    return rows


def _european(draw: random.Random, number: int) -> tuple[str, str, str, str, str, str]:
    first, last = draw.choice(people.FIRST_EN), draw.choice(people.LAST_EN)
    place, country = draw.choice(people.PLACES_EN)
    email = f"{first}.{last}{number}@example.com".lower()
    phone = f"+49 30 555 {draw.randrange(10_000):04d}"
    return f"{first} {last}", email, phone, "en", place.format(n=draw.randrange(1, 120)), country


def _chinese(draw: random.Random, number: int) -> tuple[str, str, str, str, str, str]:
    (family, family_en), (given, given_en) = draw.choice(people.FAMILY_ZH), draw.choice(people.GIVEN_ZH)
    place, country = draw.choice(people.PLACES_ZH)
    email = f"{given_en}.{family_en}{number}@example.com".lower()
    phone = f"+86 139 {draw.randrange(10_000):04d} {draw.randrange(10_000):04d}"
    return family + given, email, phone, "zh", place.format(n=draw.randrange(1, 400)), country


def seed_stock(variants: Iterable[Row], as_of: int) -> list[Row]:
    """Most variants are there, some few, some sold out with a day of return."""
    draw = random.Random(13)
    rows = []
    for variant in variants:
        chance = draw.random()
        on_hand = 0 if chance < 0.09 else draw.randrange(1, 4) if chance < 0.2 else draw.randrange(4, 60)
        restock = as_of + draw.randrange(5, 30) * DAY if on_hand == 0 and draw.random() < 0.8 else None
        rows.append({"sku": variant["sku"], "on_hand": on_hand, "restock_at": restock})
    return rows


class _Book:
    """Collects the rows of orders and what hangs on them."""

    def __init__(self, customers: list[Row], products: list[Row], variants: list[Row], as_of: int) -> None:
        self.people = {row["id"]: row for row in customers}
        self.products = {row["id"]: row for row in products}
        self.variants = {row["sku"]: row for row in variants}
        self.as_of = as_of
        self.draw = random.Random(17)
        names = ("orders", "order_lines", "shipments", "returns", "refunds")
        self.rows: dict[str, list[Row]] = {name: [] for name in names}

    def add(self, scene: Scene) -> None:
        person = self.people[scene.customer]
        lines = self._lines(scene)
        subtotal = sum(line["quantity"] * line["unit_cents"] for line in lines)
        shipping = self._shipping(subtotal)
        moments = self._moments(scene)
        order = {
            "number": scene.number,
            "customer_id": scene.customer,
            "state": scene.state,
            "email": person["email"],
            "phone": person["phone"],
            "address": person["address"],
            "country": person["country"],
            "payment": self.draw.choice(PAYMENTS),
            "subtotal_cents": subtotal,
            "shipping_cents": shipping,
            "total_cents": subtotal + shipping,
            **moments,
        }
        self.rows["orders"].append(order)
        self.rows["order_lines"].extend(lines)
        if order["shipped_at"] is not None:
            tracking = f"LL{self.draw.randrange(10**9, 10**10)}"
            self.rows["shipments"].append(
                {
                    "order_number": scene.number,
                    "carrier": self.draw.choice(CARRIERS),
                    "tracking_number": tracking,
                }
            )
        if scene.state in ("return_requested", "returned"):
            self._give_back(scene, order, lines)
        if scene.state == "cancelled" and order["paid_at"] is not None:
            self._pay_back(scene.number, order["total_cents"], "cancelled", order["cancelled_at"], None)

    def _lines(self, scene: Scene) -> list[Row]:
        first = len(self.rows["order_lines"]) + 1
        return [
            {
                "id": first + position,
                "order_number": scene.number,
                "sku": sku,
                "quantity": 2 if scene.customer not in DEMO_CUSTOMERS and self.draw.random() < 0.12 else 1,
                "unit_cents": self.products[self.variants[sku]["product_id"]]["price_cents"],
            }
            for position, sku in enumerate(scene.skus)
        ]

    def _shipping(self, subtotal: int) -> int:
        if self.draw.random() < 0.08:
            return EXPRESS_SHIPPING_CENTS
        return 0 if subtotal >= FREE_SHIPPING_FROM_CENTS else STANDARD_SHIPPING_CENTS

    def _moments(self, scene: Scene) -> Row:
        placed = self.as_of - int(scene.placed_days * DAY)
        eta = None if scene.eta_days is None else self.as_of - int(scene.eta_days * DAY) + 16 * HOUR
        state = scene.state
        arrived = state in ("delivered", "return_requested", "returned")
        shipped = (
            placed + int(min(1.2, scene.placed_days * 0.5) * DAY) if arrived or state == "shipped" else None
        )
        paid = (
            placed + HOUR // 2
            if state != "placed" and not (state == "cancelled" and scene.number % 3 == 1)
            else None
        )
        moments = {
            "placed_at": placed,
            "paid_at": paid,
            "packed_at": shipped - 4 * HOUR if shipped else placed + 8 * HOUR if state == "packed" else None,
            "shipped_at": shipped,
            "delivered_at": eta - 4 * HOUR if arrived and eta else None,
            "cancelled_at": placed + 6 * HOUR if state == "cancelled" else None,
        }
        past = {name: None if at is None else min(at, self.as_of) for name, at in moments.items()}
        return {**past, "eta_at": eta}

    def _give_back(self, scene: Scene, order: Row, lines: list[Row]) -> None:
        done = scene.state == "returned"
        asked = order["delivered_at"] + 2 * DAY
        received = asked + 5 * DAY if done else None
        resolution = scene.resolution or self.draw.choice(("refund", "refund", "exchange", "store_credit"))
        number = 50_001 + len(self.rows["returns"])
        line = lines[0]
        self.rows["returns"].append(
            {
                "number": number,
                "order_number": scene.number,
                "line_id": line["id"],
                "reason": self.draw.choice(("too_small", "too_large", "changed_mind", "not_as_described")),
                "resolution": resolution,
                "exchange_sku": line["sku"] if resolution == "exchange" else None,
                "state": "received" if done else "requested",
                "created_at": asked,
                "received_at": received,
            }
        )
        if received is not None and resolution == "refund":
            self._pay_back(scene.number, line["unit_cents"] * line["quantity"], "return", received, number)

    def _pay_back(self, order: int, cents: int, cause: str, at: int, return_number: int | None) -> None:
        age_days = (self.as_of - at) / DAY
        state = "completed" if age_days > 13 else "sent" if age_days > 6 else "pending"
        self.rows["refunds"].append(
            {
                "number": 70_001 + len(self.rows["refunds"]),
                "order_number": order,
                "return_number": return_number,
                "amount_cents": cents,
                "cause": cause,
                "state": state,
                "created_at": at,
                "due_at": at + REFUND_DAYS * DAY,
                "paid_at": at + 12 * DAY if state == "completed" else None,
            }
        )


def seed_orders(
    customers: list[Row], products: list[Row], variants: list[Row], as_of: int
) -> dict[str, list[Row]]:
    """Orders, lines, shipments, returns and refunds: the scenes, then the crowd.

    Numbers are drawn, not counted, so that a neighbour's number tells nothing.
    """
    book = _Book(customers, products, variants, as_of)
    for scene in SCENES:
        book.add(scene)
    draw = random.Random(19)
    taken = {scene.number for scene in SCENES}
    numbers = [number for number in range(FIRST_NUMBER, FIRST_NUMBER + ORDERS) if number not in taken]
    draw.shuffle(numbers)
    crowd = [row["id"] for row in customers if row["id"] not in DEMO_CUSTOMERS]
    by_family: dict[str, list[str]] = {}
    for variant in variants:
        by_family.setdefault(variant["product_id"], []).append(variant["sku"])
    ids = list(by_family)
    tastes = {person: draw.sample(ids, 12) for person in crowd}
    for number in numbers:
        person = draw.choice(crowd)
        wanted = {draw.choice(tastes[person]) for _ in range(draw.choice((1, 1, 2, 2, 3)))}
        skus = tuple(draw.choice(by_family[product]) for product in sorted(wanted))
        book.add(_scene(draw, number, person, skus))
    return book.rows


def _scene(draw: random.Random, number: int, person: str, skus: tuple[str, ...]) -> Scene:
    age = draw.random() ** 1.6 * 400
    if age < 0.6:
        state, eta = draw.choice(("placed", "paid")), age - 4
    elif age < 2:
        state, eta = draw.choice(("paid", "packed", "packed", "shipped")), age - 4.5
    elif age < 5:
        state, eta = "shipped", age - draw.choice((4, 5, 6))
    elif age < 12 and draw.random() < 0.15:
        state, eta = "shipped", age - draw.choice((4, 5))
    else:
        chance = draw.random()
        state = "cancelled" if chance < 0.06 else "returned" if chance < 0.14 and age > 20 else "delivered"
        if state == "delivered" and chance < 0.2 and 8 < age < 35:
            state = "return_requested"
        eta = age - draw.choice((3, 3, 4, 4, 5))
    return Scene(number, person, state, age, None if state == "cancelled" else eta, skus)


def seed_reviews(customers: list[Row], products: list[Row], as_of: int) -> list[Row]:
    """Reviews in the language of who wrote them, kinder than harsh."""
    draw = random.Random(23)
    rows: list[Row] = []
    for number in range(1, REVIEWS + 1):
        person, product = draw.choice(customers), draw.choice(products)
        stars = draw.choices((5, 4, 3, 2, 1), weights=(46, 30, 13, 7, 4))[0]
        chinese = person["language"] == "zh"
        openings, remarks = (
            (people.REVIEWS_ZH, people.REMARKS_ZH) if chinese else (people.REVIEWS_EN, people.REMARKS_EN)
        )
        sentences = [draw.choice(openings[stars])]
        if stars >= 3:
            sentences.append(draw.choice(remarks[product["category"]]))
        rows.append(
            {
                "id": number,
                "product_id": product["id"],
                "customer_id": person["id"],
                "stars": stars,
                "language": person["language"],
                "text": ("" if chinese else " ").join(sentences),
                "written_at": as_of - draw.randrange(1, 380) * DAY,
            }
        )
    return rows
