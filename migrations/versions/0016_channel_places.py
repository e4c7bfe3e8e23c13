"""Where in a channel a conversation is held, when its customer was heard last, and how much of a message is sent."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE conversations ADD thread TEXT, ADD reply_place JSONB, ADD heard_at TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE outbox ADD parts_sent INTEGER DEFAULT '0' NOT NULL")
