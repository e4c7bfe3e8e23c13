"""Installed plugins and the workspaces that use them."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE plugins (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            name TEXT NOT NULL,
            version TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            publisher TEXT,
            manifest JSONB NOT NULL,
            file BYTEA NOT NULL,
            installed_by UUID NOT NULL,
            installed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT plugins_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT plugins_tenant_id_name_key UNIQUE (tenant_id, name),
            CONSTRAINT plugins_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("plugins")
    op.execute("""
        CREATE TABLE workspace_plugins (
            tenant_id UUID NOT NULL,
            plugin_id UUID NOT NULL,
            enabled_by UUID NOT NULL,
            enabled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT workspace_plugins_pkey PRIMARY KEY (tenant_id, plugin_id),
            CONSTRAINT workspace_plugins_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("workspace_plugins")
    allow_sweep("workspace_plugins", ["tenant_id", "plugin_id"])
