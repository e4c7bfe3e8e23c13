"""Requests that must be done once."""

from alembic import op

from migrations.policies import protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE idempotency_keys (
            tenant_id UUID NOT NULL,
            member_id UUID NOT NULL,
            key TEXT NOT NULL,
            digest BYTEA NOT NULL,
            answer_sealed BYTEA,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, member_id, key),
            CONSTRAINT idempotency_keys_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id)
                REFERENCES members (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX idempotency_keys_tenant_id_created_at_idx ON idempotency_keys (tenant_id, created_at)")
    protect("idempotency_keys")
