"""Flows: the draft, its history of edits, published versions, intents with examples, trained models."""

from sqlalchemy import (
    ARRAY,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from server.kit.db import metadata

flows = Table(
    "flows",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("draft", JSONB, nullable=False),
    Column("draft_rev", Integer, nullable=False, server_default="0"),
    Column("published_version", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("deleted_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

# What a person did to a draft, kept so that it can be taken back. `status` is done, undone or dropped (undone, then something else was
# done); `rev` is the draft's revision that this row last brought about: what happened since a revision is what has a higher one.
flow_edits = Table(
    "flow_edits",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("edit_no", Integer, nullable=False),
    Column("op_id", Text, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("label", Text, nullable=False),
    Column("merge_key", Text),
    Column("before", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("status", Text, nullable=False, server_default="done"),
    Column("rev", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "flow_id", "edit_no"),
    UniqueConstraint("tenant_id", "flow_id", "op_id"),
    Index(None, "tenant_id", "flow_id", "rev"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)

flow_intents = Table(
    "flow_intents",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("examples", ARRAY(Text), nullable=False, server_default="{}"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "flow_id", "name"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)

# A published version counts 1, 2, 3...; a snapshot of the draft for the Test panel carries the draft's revision,
# as a negative number.
flow_versions = Table(
    "flow_versions",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("model_hash", Text),
    Column("note", Text, nullable=False, server_default=""),
    Column("published_by", Uuid),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "flow_id", "version"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)

# One trained classifier per set of examples: versions with the same examples share it by its hash.
intent_models = Table(
    "intent_models",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("model_hash", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("progress_text", Text, nullable=False, server_default=""),
    Column("examples", JSONB, nullable=False),
    Column("model", LargeBinary),
    Column("report", JSONB),
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("trained_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "flow_id", "model_hash"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)

Index("flows_live_idx", flows.c.tenant_id, flows.c.updated_at, postgresql_where=flows.c.deleted_at.is_(None))

# The variables that all conversations of a bot share.
bot_variables = Table(
    "bot_variables",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("held", JSONB, nullable=False, server_default="{}"),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "flow_id"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)

# The schedule triggers of the live version, and when each is due next.
schedules = Table(
    "schedules",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("trigger_id", Text, nullable=False),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "flow_id", "trigger_id"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
    Index("schedules_due_idx", "next_at"),
)

# One run per due moment: `reached` is the contact up to whom everybody has been told.
schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("flow_id", Uuid, nullable=False),
    Column("trigger_id", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("audience", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="running"),
    Column("reached", Uuid),
    Column("told", Integer, nullable=False, server_default="0"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "flow_id", "trigger_id", "due_at"),
    ForeignKeyConstraint(["tenant_id", "flow_id"], ["flows.tenant_id", "flows.id"], ondelete="CASCADE"),
)
