"""A channel that is taken away leaves its conversations; its flow is one of the workspace's own."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE channels ADD removed_at TIMESTAMP WITH TIME ZONE")
    op.execute("""
        UPDATE channels SET flow_id = NULL
        WHERE flow_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM flows WHERE flows.tenant_id = channels.tenant_id AND flows.id = channels.flow_id)
    """)
    op.execute("""
        ALTER TABLE channels ADD CONSTRAINT channels_tenant_id_flow_id_fkey
        FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE SET NULL (flow_id)
    """)
