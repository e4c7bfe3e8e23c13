"""What could not be finished is found without reading what could."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX inbox_dead_idx ON inbox (tenant_id, received_at) WHERE status = 'dead'")
    op.execute("CREATE INDEX outbox_dead_idx ON outbox (tenant_id, due_at) WHERE status in ('dead', 'maybe')")
    op.execute("CREATE INDEX jobs_dead_idx ON jobs (tenant_id, created_at) WHERE status = 'dead'")
