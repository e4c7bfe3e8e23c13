"""Rows of the kit: the event log, the job list, the tenants' data keys."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from server.kit.db import metadata


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction number."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "xid8"


# `version` is that of the type; turns write types whose version is 1.
# `tx` orders events by transaction: ids are given out before the commit, so a reader that goes by id alone can step over a late one.
events = Table(
    "events",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", BigInteger, Identity(always=False), nullable=False),
    Column("type", Text, nullable=False),
    Column("version", SmallInteger, nullable=False, server_default="1"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("conversation_id", Uuid),
    Column("flow_id", Uuid),
    Column("flow_version", Integer),
    Column("channel_id", Uuid),
    Column("props", JSONB, nullable=False),
    Column("tx", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "at"),
    Index(None, "tenant_id", "tx", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("args", JSONB, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("lease_no", Integer, nullable=False, server_default="0"),
    Column("lease_until", DateTime(timezone=True)),
    Column("progress", JSONB),
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("jobs_due_idx", "due_at", postgresql_where=text("status in ('pending', 'running')")),
    Index("jobs_dead_idx", "tenant_id", "created_at", postgresql_where=text("status = 'dead'")),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("key_no", Integer, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "key_no"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
