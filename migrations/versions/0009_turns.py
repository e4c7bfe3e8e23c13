"""Turns, calls, timers."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE calls (
            tenant_id UUID NOT NULL,
            id TEXT NOT NULL,
            conversation_id UUID NOT NULL,
            turn INTEGER NOT NULL,
            node_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            payload JSONB NOT NULL,
            timeout_s NUMERIC(10, 3) NOT NULL,
            status TEXT DEFAULT 'pending' NOT NULL,
            attempts INTEGER DEFAULT '0' NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            lease_no INTEGER DEFAULT '0' NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            result JSONB,
            ms INTEGER,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            finished_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT calls_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT calls_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX calls_due_idx ON calls (due_at) WHERE status in ('pending', 'running')")
    op.execute("CREATE INDEX calls_tenant_id_conversation_id_idx ON calls (tenant_id, conversation_id)")
    protect("calls")
    allow_sweep("calls", ["tenant_id", "id", "kind", "status", "due_at", "lease_until"])
    op.execute("""
        CREATE TABLE timers (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            id TEXT NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            status TEXT DEFAULT 'waiting' NOT NULL,
            CONSTRAINT timers_pkey PRIMARY KEY (tenant_id, conversation_id, id),
            CONSTRAINT timers_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX timers_due_idx ON timers (due_at) WHERE status = 'waiting'")
    protect("timers")
    allow_sweep("timers", ["tenant_id", "conversation_id", "id", "due_at", "status"])
    op.execute("""
        CREATE TABLE turns (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            turn INTEGER NOT NULL,
            flow_version INTEGER NOT NULL,
            path JSONB NOT NULL,
            effects JSONB NOT NULL,
            state_digest TEXT NOT NULL,
            waiting_for TEXT,
            failure JSONB,
            ms NUMERIC(10, 3) NOT NULL,
            at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT turns_pkey PRIMARY KEY (tenant_id, conversation_id, turn),
            CONSTRAINT turns_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("turns")
