"""The version of each event; events that a reader could not take are tried again; channels that are blocked until somebody mends them."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE events ADD COLUMN version smallint NOT NULL DEFAULT 1")
    op.execute("""
        ALTER TABLE bad_events ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
            ADD COLUMN status text NOT NULL DEFAULT 'dead', ADD COLUMN attempts integer NOT NULL DEFAULT 1,
            ADD CONSTRAINT bad_events_tenant_id_id_key UNIQUE (tenant_id, id)
    """)
    op.execute("CREATE INDEX bad_events_dead_idx ON bad_events (tenant_id, at) WHERE status = 'dead'")
    op.execute("ALTER TABLE delivery_pauses ADD COLUMN blocked boolean NOT NULL DEFAULT false")
