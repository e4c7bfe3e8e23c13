"""Retries of calls, events that come early, variables of the whole bot, schedules."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE calls ADD COLUMN retry_times INTEGER DEFAULT '0' NOT NULL")
    op.execute("ALTER TABLE calls ADD COLUMN retry_pause_s NUMERIC(10, 3) DEFAULT '0' NOT NULL")
    op.execute("CREATE INDEX inbox_early_idx ON inbox (received_at) WHERE status = 'early'")
    op.execute("""
        CREATE TABLE bot_variables (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            held JSONB DEFAULT '{}' NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT bot_variables_pkey PRIMARY KEY (tenant_id, flow_id),
            CONSTRAINT bot_variables_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("bot_variables")
    op.execute("""
        CREATE TABLE bot_variables_used (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            turn INTEGER NOT NULL,
            held JSONB NOT NULL,
            CONSTRAINT bot_variables_used_pkey PRIMARY KEY (tenant_id, conversation_id, turn),
            CONSTRAINT bot_variables_used_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("bot_variables_used")
    op.execute("""
        CREATE TABLE schedules (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            trigger_id TEXT NOT NULL,
            cron TEXT NOT NULL,
            time_zone TEXT NOT NULL,
            audience TEXT NOT NULL,
            next_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT schedules_pkey PRIMARY KEY (tenant_id, flow_id, trigger_id),
            CONSTRAINT schedules_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX schedules_due_idx ON schedules (next_at)")
    protect("schedules")
    allow_sweep("schedules", ["tenant_id", "flow_id", "trigger_id", "next_at"])
    op.execute("""
        CREATE TABLE schedule_runs (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            flow_id UUID NOT NULL,
            trigger_id TEXT NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            audience TEXT NOT NULL,
            status TEXT DEFAULT 'running' NOT NULL,
            reached UUID,
            told INTEGER DEFAULT '0' NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            finished_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT schedule_runs_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT schedule_runs_tenant_id_flow_id_trigger_id_due_at_key UNIQUE (tenant_id, flow_id, trigger_id, due_at),
            CONSTRAINT schedule_runs_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("schedule_runs")
