"""Readers of the event log, and the events that could not be used."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE event_readers (
            tenant_id uuid NOT NULL, reader text NOT NULL, last_tx xid8 NOT NULL, last_event_id bigint NOT NULL,
            at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT event_readers_pkey PRIMARY KEY (tenant_id, reader),
            CONSTRAINT event_readers_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("event_readers")
    allow_sweep("event_readers", ["tenant_id", "reader", "last_tx", "last_event_id"])
    op.execute("""
        CREATE TABLE bad_events (
            tenant_id uuid NOT NULL, reader text NOT NULL, event_id bigint NOT NULL, type text NOT NULL, reason text NOT NULL,
            at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT bad_events_pkey PRIMARY KEY (tenant_id, reader, event_id),
            CONSTRAINT bad_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX bad_events_tenant_id_at_idx ON bad_events (tenant_id, at)")
    protect("bad_events")
