"""Channels."""

from alembic import op

from migrations.policies import allow_lookup, protect

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE channels (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            flow_id UUID,
            settings JSONB DEFAULT '{}' NOT NULL,
            secrets_sealed BYTEA,
            allowed_origins TEXT[] DEFAULT '{}' NOT NULL,
            enabled BOOLEAN DEFAULT 'true' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT channels_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT channels_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE UNIQUE INDEX channels_id_idx ON channels (id)")
    op.execute("CREATE INDEX channels_tenant_id_flow_id_idx ON channels (tenant_id, flow_id)")
    protect("channels")
    allow_lookup("channels", "id", "channel_id", "uuid")
