"""Outgoing webhooks: who is told of which events, what they were sent, and how each attempt went."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE webhooks (
            tenant_id uuid NOT NULL, id uuid NOT NULL, name text NOT NULL, url text NOT NULL, event_types text[] NOT NULL DEFAULT '{}',
            secret_sealed bytea NOT NULL, old_secret_sealed bytea, old_secret_until timestamptz,
            enabled boolean NOT NULL DEFAULT true, trouble text, paused_until timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT webhooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("webhooks")
    allow_sweep("webhooks", ["tenant_id", "id"])
    op.execute("""
        CREATE TABLE webhook_deliveries (
            tenant_id uuid NOT NULL, id uuid NOT NULL, webhook_id uuid NOT NULL, event_id bigint, type text NOT NULL, body jsonb NOT NULL,
            status text NOT NULL DEFAULT 'pending', attempts integer NOT NULL DEFAULT 0, due_at timestamptz NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz,
            CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT webhook_deliveries_tenant_id_webhook_id_event_id_key UNIQUE (tenant_id, webhook_id, event_id),
            CONSTRAINT webhook_deliveries_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id)
                REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX webhook_deliveries_page_idx ON webhook_deliveries (tenant_id, webhook_id, created_at, id)")
    op.execute("CREATE INDEX webhook_deliveries_over_idx ON webhook_deliveries (created_at) WHERE status <> 'pending'")
    protect("webhook_deliveries")
    allow_sweep("webhook_deliveries", ["tenant_id", "id", "status", "created_at"])
    op.execute("""
        CREATE TABLE webhook_attempts (
            tenant_id uuid NOT NULL, delivery_id uuid NOT NULL, attempt integer NOT NULL, at timestamptz NOT NULL, ms integer NOT NULL,
            status integer, error text, answer text,
            CONSTRAINT webhook_attempts_pkey PRIMARY KEY (tenant_id, delivery_id, attempt),
            CONSTRAINT webhook_attempts_tenant_id_delivery_id_fkey FOREIGN KEY (tenant_id, delivery_id)
                REFERENCES webhook_deliveries (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("webhook_attempts")
