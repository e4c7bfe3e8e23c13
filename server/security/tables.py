"""Sessions (families of refresh tokens) and their used-up tokens, one-time sign-in links, counted sign-in failures,
keys of requests that must be done once.

A link that another member made, and the session it opens, are `limited`: they do not lead into the account's other workspaces.
"""

from sqlalchemy import (
    Boolean,
    Column,
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

from server.kit.db import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("limited", Boolean, nullable=False, server_default=text("false")),
    Column("user_agent", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "member_id"], ["members.tenant_id", "members.id"], ondelete="CASCADE"),
    Index(None, "token_hash"),
    Index(None, "tenant_id", "member_id"),
    Index(None, "revoked_at", postgresql_where=text("revoked_at is not null")),
)

rotated_tokens = Table(
    "rotated_tokens",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("rotated_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "token_hash"),
    ForeignKeyConstraint(["tenant_id", "session_id"], ["sessions.tenant_id", "sessions.id"], ondelete="CASCADE"),
    Index(None, "token_hash"),
    Index(None, "tenant_id", "session_id"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("limited", Boolean, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "member_id"], ["members.tenant_id", "members.id"], ondelete="CASCADE"),
    Index(None, "token_hash"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("address", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("tenant_id", "member_id", "address"),
    ForeignKeyConstraint(["tenant_id", "member_id"], ["members.tenant_id", "members.id"], ondelete="CASCADE"),
)

# `answer_sealed` is empty while the request is being done.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("answer_sealed", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "member_id", "key"),
    ForeignKeyConstraint(["tenant_id", "member_id"], ["members.tenant_id", "members.id"], ondelete="CASCADE"),
    Index(None, "tenant_id", "created_at"),
)
