"""Tables of the shop.

Every moment is an integer of seconds since the epoch (UTC) and every amount an integer of cents, so that
SQLite and PostgreSQL hold the same values and the seed can move all dates by adding a number.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Common base; JSON columns are plain JSON on both databases."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON, list[str]: JSON, list[Any]: JSON}


class Setting(Base):
    """A named fact about the database itself (seed version, day the dates refer to)."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))


class Customer(Base):
    """A person with an account."""

    __tablename__ = "customers"
    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(120), unique=True)
    phone: Mapped[str] = mapped_column(String(24))
    language: Mapped[str] = mapped_column(String(2))
    address: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    joined_at: Mapped[int]
    orders: Mapped[list[Order]] = relationship(back_populates="customer")


class Product(Base):
    """Something the shop sells, in its colours and sizes."""

    __tablename__ = "products"
    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    family: Mapped[str] = mapped_column(String(40), index=True)
    category: Mapped[str] = mapped_column(String(24), index=True)
    title_en: Mapped[str] = mapped_column(String(80))
    title_zh: Mapped[str] = mapped_column(String(80))
    description_en: Mapped[str] = mapped_column(String(600))
    description_zh: Mapped[str] = mapped_column(String(400))
    price_cents: Mapped[int]
    weight_g: Mapped[int]
    warranty_months: Mapped[int]
    final_sale: Mapped[bool]
    hygiene: Mapped[bool]
    tags: Mapped[list[str]]
    details_en: Mapped[dict[str, Any]]
    details_zh: Mapped[dict[str, Any]]
    variants: Mapped[list[Variant]] = relationship(back_populates="product", order_by="Variant.position")


class Variant(Base):
    """One colour and size of a product."""

    __tablename__ = "variants"
    sku: Mapped[str] = mapped_column(String(32), primary_key=True)
    product_id: Mapped[str] = mapped_column(ForeignKey("products.id"), index=True)
    position: Mapped[int]
    color: Mapped[str] = mapped_column(String(16))
    size: Mapped[str] = mapped_column(String(12))
    product: Mapped[Product] = relationship(back_populates="variants")
    stock: Mapped[Stock] = relationship(back_populates="variant", uselist=False)


class Stock(Base):
    """How many of a variant are on the shelf, and when more arrive."""

    __tablename__ = "stock"
    sku: Mapped[str] = mapped_column(ForeignKey("variants.sku"), primary_key=True)
    on_hand: Mapped[int]
    restock_at: Mapped[int | None]
    variant: Mapped[Variant] = relationship(back_populates="stock")


class Order(Base):
    """An order; its state moves only through `shop.orders`."""

    __tablename__ = "orders"
    number: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    email: Mapped[str] = mapped_column(String(120))
    phone: Mapped[str] = mapped_column(String(24))
    address: Mapped[str] = mapped_column(String(200))
    country: Mapped[str] = mapped_column(String(2))
    payment: Mapped[str] = mapped_column(String(16))
    subtotal_cents: Mapped[int]
    shipping_cents: Mapped[int]
    total_cents: Mapped[int]
    placed_at: Mapped[int]
    paid_at: Mapped[int | None]
    packed_at: Mapped[int | None]
    shipped_at: Mapped[int | None]
    delivered_at: Mapped[int | None]
    cancelled_at: Mapped[int | None]
    eta_at: Mapped[int | None]
    customer: Mapped[Customer] = relationship(back_populates="orders")
    lines: Mapped[list[OrderLine]] = relationship(back_populates="order", order_by="OrderLine.id")
    shipment: Mapped[Shipment | None] = relationship(back_populates="order", uselist=False)
    returns: Mapped[list[Return]] = relationship(back_populates="order", order_by="Return.number")
    refunds: Mapped[list[Refund]] = relationship(back_populates="order", order_by="Refund.number")


Index("orders_by_customer", Order.customer_id, Order.placed_at)


class OrderLine(Base):
    """A variant and how many of it were bought, at the price of that day."""

    __tablename__ = "order_lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[int] = mapped_column(ForeignKey("orders.number"), index=True)
    sku: Mapped[str] = mapped_column(ForeignKey("variants.sku"), index=True)
    quantity: Mapped[int]
    unit_cents: Mapped[int]
    order: Mapped[Order] = relationship(back_populates="lines")
    variant: Mapped[Variant] = relationship()


class Shipment(Base):
    """The parcel of an order."""

    __tablename__ = "shipments"
    order_number: Mapped[int] = mapped_column(ForeignKey("orders.number"), primary_key=True)
    carrier: Mapped[str] = mapped_column(String(24))
    tracking_number: Mapped[str] = mapped_column(String(24))
    order: Mapped[Order] = relationship(back_populates="shipment")


class Return(Base):
    """One line of an order on its way back."""

    __tablename__ = "returns"
    number: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[int] = mapped_column(ForeignKey("orders.number"), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("order_lines.id"), index=True)
    reason: Mapped[str] = mapped_column(String(24))
    resolution: Mapped[str] = mapped_column(String(16))
    exchange_sku: Mapped[str | None] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int]
    received_at: Mapped[int | None]
    order: Mapped[Order] = relationship(back_populates="returns")
    line: Mapped[OrderLine] = relationship()


class Refund(Base):
    """Money going back to the way it was paid."""

    __tablename__ = "refunds"
    number: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[int] = mapped_column(ForeignKey("orders.number"), index=True)
    return_number: Mapped[int | None] = mapped_column(ForeignKey("returns.number"))
    amount_cents: Mapped[int]
    cause: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[int]
    due_at: Mapped[int]
    paid_at: Mapped[int | None]
    order: Mapped[Order] = relationship(back_populates="refunds")


class Ticket(Base):
    """A case for a person: a complaint or a handed-over conversation."""

    __tablename__ = "tickets"
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(12), index=True)
    sender_id: Mapped[str] = mapped_column(String(128), index=True)
    customer_id: Mapped[str | None] = mapped_column(ForeignKey("customers.id"))
    order_number: Mapped[int | None] = mapped_column(ForeignKey("orders.number"))
    language: Mapped[str] = mapped_column(String(2))
    summary: Mapped[str] = mapped_column(String(2000))
    remedy: Mapped[str | None] = mapped_column(String(24))
    remedy_reason: Mapped[str | None] = mapped_column(String(24))
    amount_cents: Mapped[int | None]
    transcript: Mapped[list[Any]]
    created_at: Mapped[int]


class Review(Base):
    """What a customer wrote about a product."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[str] = mapped_column(ForeignKey("products.id"), index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    stars: Mapped[int]
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str] = mapped_column(String(400))
    written_at: Mapped[int]


class KnowledgeArticle(Base):
    """An article of the help centre, as loaded from shop/articles."""

    __tablename__ = "knowledge_articles"
    slug: Mapped[str] = mapped_column(String(60), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    category: Mapped[str] = mapped_column(String(16), index=True)
    title: Mapped[str] = mapped_column(String(160))
    text: Mapped[str] = mapped_column(String(4000))
    questions: Mapped[list[str]]
    valid_from: Mapped[str] = mapped_column(String(10))


class Done(Base):
    """A change already made for a message, with its result: the key makes a repeat harmless."""

    __tablename__ = "done"
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    result: Mapped[dict[str, Any]]
    at: Mapped[int]


class GuestAttempt(Base):
    """A failed try of a guest to prove an order is theirs."""

    __tablename__ = "guest_attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    sender_id: Mapped[str] = mapped_column(String(128), index=True)
    order_id: Mapped[str] = mapped_column(String(16), index=True)
    at: Mapped[int] = mapped_column(index=True)
