"""Channels: where customers reach a flow."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from server.kit.db import metadata

channels = Table(
    "channels",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("flow_id", Uuid),
    Column("settings", JSONB, nullable=False, server_default="{}"),
    Column("secrets_sealed", LargeBinary),
    Column("allowed_origins", ARRAY(Text), nullable=False, server_default="{}"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("removed_at", DateTime(timezone=True)),
    Column(
        "session_minutes",
        Integer,
        Computed(
            "case when settings->>'session_minutes' ~ '^[1-9][0-9]{0,5}$' then (settings->>'session_minutes')::integer end", persisted=True
        ),
    ),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="SET NULL (flow_id)"),
    Index(None, "id", unique=True),
    Index(None, "tenant_id", "flow_id"),
)
