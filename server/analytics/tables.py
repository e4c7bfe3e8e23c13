"""One-minute windows made from the event log, and how far each tenant's log has been rolled up.

A conversation counts for an intent in the minute in which it was first recognised there; `conversation_intents` knows which they are.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

from server.kit.db import metadata
from server.kit.tables import TransactionId

windows = Table(
    "windows",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("conversations", Integer, nullable=False, server_default="0"),
    Column("conversations_ended", Integer, nullable=False, server_default="0"),
    Column("conversations_contained", Integer, nullable=False, server_default="0"),
    Column("conversations_handed_off", Integer, nullable=False, server_default="0"),
    Column("conversations_unresolved", Integer, nullable=False, server_default="0"),
    Column("conversations_abandoned", Integer, nullable=False, server_default="0"),
    Column("messages_in", Integer, nullable=False, server_default="0"),
    Column("messages_out", Integer, nullable=False, server_default="0"),
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("turn_ms", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("calls_failed", Integer, nullable=False, server_default="0"),
    Column("model_calls", Integer, nullable=False, server_default="0"),
    Column("input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cost_usd", Numeric(16, 8), nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant_id", "minute", "flow_id", "flow_version", "channel_id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

intent_windows = Table(
    "intent_windows",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("channel_id", Uuid, nullable=False),
    Column("intent", Text, nullable=False),
    Column("conversations", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "minute", "flow_id", "flow_version", "channel_id", "intent"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

conversation_intents = Table(
    "conversation_intents",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("intent", Text, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "intent"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "intent", "first_at"),
)

rollups = Table(
    "rollups",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("last_tx", TransactionId, nullable=False),
    Column("last_event_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
