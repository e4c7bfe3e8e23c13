"""How far each reader of the event log has come, and the events that could not be used."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import Uuid as UuidType

from server.kit.db import metadata
from server.kit.tables import TransactionId

event_readers = Table(
    "event_readers",
    metadata,
    Column("tenant_id", UuidType, nullable=False),
    Column("reader", Text, nullable=False),
    Column("last_tx", TransactionId, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "reader"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

# `status`: pending (it is tried again), dead, dropped.
bad_events = Table(
    "bad_events",
    metadata,
    Column("tenant_id", UuidType, nullable=False),
    Column("id", UuidType, nullable=False, server_default=text("gen_random_uuid()")),
    Column("reader", Text, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="dead"),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "reader", "event_id"),
    UniqueConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "at"),
    Index("bad_events_dead_idx", "tenant_id", "at", postgresql_where=text("status = 'dead'")),
)
