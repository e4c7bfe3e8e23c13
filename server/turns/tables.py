"""Turns as they ran, the calls they made and the timers they set."""

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Index, Integer, Numeric, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from server.kit.db import metadata

turns = Table(
    "turns",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("path", JSONB, nullable=False),
    Column("effects", JSONB, nullable=False),
    Column("state_digest", Text, nullable=False),
    Column("waiting_for", Text),
    Column("failure", JSONB),
    Column("ms", Numeric(10, 3), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "turn"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
)

calls = Table(
    "calls",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Text, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("timeout_s", Numeric(10, 3), nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("retry_times", Integer, nullable=False, server_default="0"),
    Column("retry_pause_s", Numeric(10, 3), nullable=False, server_default="0"),
    Column("lease_no", Integer, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("result", JSONB),
    Column("ms", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "conversation_id"),
    Index("calls_due_idx", "due_at", postgresql_where=text("status in ('pending', 'running')")),
)

# What the variables of the whole bot held when a turn began, where the flow has such variables: replay needs it.
bot_variables_used = Table(
    "bot_variables_used",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("held", JSONB, nullable=False),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "turn"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
)

timers = Table(
    "timers",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("conversation_id", Uuid, nullable=False),
    Column("id", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False, server_default="waiting"),
    PrimaryKeyConstraint("tenant_id", "conversation_id", "id"),
    ForeignKeyConstraint(["tenant_id", "conversation_id"], ["conversations.tenant_id", "conversations.id"], ondelete="CASCADE"),
    Index("timers_due_idx", "tenant_id", "due_at", postgresql_where=text("status = 'waiting'")),
)
