"""How long a conversation of a channel waits for its customer."""

from alembic import op

from migrations.policies import SWEEPER_ROLE, allow_sweep

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE channels ADD COLUMN session_minutes INTEGER GENERATED ALWAYS AS (
            CASE WHEN settings->>'session_minutes' ~ '^[1-9][0-9]{0,5}$' THEN (settings->>'session_minutes')::integer END) STORED
    """)
    allow_sweep("channels", ["tenant_id", "id", "session_minutes"])
    op.execute(f"grant select (channel_id) on conversations to {SWEEPER_ROLE}")
