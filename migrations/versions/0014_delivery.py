"""Rates, pauses and receipts of delivery; what is due is found tenant by tenant."""

from alembic import op

from migrations.policies import protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE outbox ADD place_at TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE outbox ADD delivered_at TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE outbox ADD read_at TIMESTAMP WITH TIME ZONE")
    op.execute("CREATE INDEX outbox_provider_idx ON outbox (tenant_id, channel_id, provider_id) WHERE provider_id IS NOT NULL")
    op.execute("DROP INDEX outbox_due_idx")
    op.execute("CREATE INDEX outbox_due_idx ON outbox (tenant_id, due_at) WHERE status in ('pending', 'sending')")
    op.execute("DROP INDEX inbox_waiting_idx")
    op.execute("CREATE INDEX inbox_waiting_idx ON inbox (tenant_id, received_at) WHERE status = 'pending'")
    op.execute("DROP INDEX timers_due_idx")
    op.execute("CREATE INDEX timers_due_idx ON timers (tenant_id, due_at) WHERE status = 'waiting'")
    op.execute("""
        CREATE TABLE delivery_pauses (
            tenant_id UUID NOT NULL,
            channel_id UUID NOT NULL,
            until TIMESTAMP WITH TIME ZONE NOT NULL,
            reason TEXT NOT NULL,
            CONSTRAINT delivery_pauses_pkey PRIMARY KEY (tenant_id, channel_id),
            CONSTRAINT delivery_pauses_tenant_id_channel_id_fkey FOREIGN KEY(tenant_id, channel_id) REFERENCES channels (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("delivery_pauses")
    op.execute("""
        CREATE TABLE early_receipts (
            tenant_id UUID NOT NULL,
            channel_id UUID NOT NULL,
            provider_id TEXT NOT NULL,
            state TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            error TEXT,
            noted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT early_receipts_pkey PRIMARY KEY (tenant_id, channel_id, provider_id, state),
            CONSTRAINT early_receipts_tenant_id_channel_id_fkey FOREIGN KEY(tenant_id, channel_id) REFERENCES channels (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX early_receipts_tenant_id_noted_at_idx ON early_receipts (tenant_id, noted_at)")
    protect("early_receipts")
