"""What the stages found about a file that is kept; until when an input waits for stages that reach outside."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE uploads ADD COLUMN annotations jsonb")
    op.execute("ALTER TABLE inbox ADD COLUMN ready_at timestamptz")
