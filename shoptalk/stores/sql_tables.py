"""Tables of the SQL store: Rasa's `events` table as Rasa made it, and our own beside it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")

# Column for column what Rasa 3.x creates, so that either can read the other's rows.
events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("type_name", String(255), nullable=False),
    Column("timestamp", Float),
    Column("intent_name", String(255)),
    Column("action_name", String(255)),
    Column("data", Text),
)

# A table that Rasa left lacks this one; it is added when the store is opened.
events_in_order = Index("shoptalk_events_in_order", events.c.sender_id, events.c.id)

conversations = Table(
    "shoptalk_conversations",
    metadata,
    Column("sender_id", String(255), primary_key=True),
    Column("fence", BigInteger, nullable=False, default=0),
    Column("lease_until_ms", BigInteger, nullable=False, default=0),
    Column("lease_span_ms", BigInteger, nullable=False, default=0),
    Column("head", Text, nullable=False, default=""),
    Column("attempt", Integer, nullable=False, default=0),
    Column("committed", BigInteger, nullable=False, default=0),
    Column("length", Integer, nullable=False, default=0),
    Column("expires_ms", BigInteger),
)

inbox = Table(
    "shoptalk_inbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sender_id", String(255), nullable=False),
    Column("field", Text, nullable=False),
    Column("channel", String(255), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("body", Text, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    UniqueConstraint("sender_id", "field", name="shoptalk_inbox_once"),
)

seen = Table(
    "shoptalk_seen",
    metadata,
    Column("sender_id", String(255), primary_key=True),
    Column("field", Text, primary_key=True),
    Column("replies", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
)

snapshots = Table(
    "shoptalk_snapshots",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("at_index", Integer, nullable=False),
    Column("last_event_id", Integer, nullable=False),
    Column("state", Text, nullable=False),
)

outbox = Table(
    "shoptalk_outbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sender_id", String(255), nullable=False, index=True),
    Column("body", Text, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("free_ms", BigInteger, nullable=False, default=0),
    Column("reason", Text),
)

reminders = Table(
    "shoptalk_reminders",
    metadata,
    Column("sender_id", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("due_ms", BigInteger, nullable=False),
    Column("free_ms", BigInteger, nullable=False, index=True),
    Column("body", Text, nullable=False),
)
