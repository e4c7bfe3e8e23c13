"""How far each reader of the event log has come, and the events that could not be used."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, Text, text
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

bad_events = Table(
    "bad_events",
    metadata,
    Column("tenant_id", UuidType, nullable=False),
    Column("reader", Text, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "reader", "event_id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "at"),
)
