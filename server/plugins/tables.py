"""Installed plugins, and which workspace uses which.

The installed ones are rows of one tenant, the instance's own workspace: see `instance`. Every process reads them there.
"""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKeyConstraint,
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

plugins = Table(
    "plugins",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("publisher", Text),
    Column("manifest", JSONB, nullable=False),
    Column("file", LargeBinary, nullable=False),
    Column("installed_by", Uuid, nullable=False),
    Column("installed_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)

workspace_plugins = Table(
    "workspace_plugins",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("plugin_id", Uuid, nullable=False),
    Column("enabled_by", Uuid, nullable=False),
    Column("enabled_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "plugin_id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], ondelete="CASCADE"),
)
