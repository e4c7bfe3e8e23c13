"""Flows, versions, intents."""

from alembic import op

from migrations.policies import protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE flows (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            name TEXT NOT NULL,
            description TEXT DEFAULT '' NOT NULL,
            draft JSONB NOT NULL,
            draft_rev INTEGER DEFAULT '0' NOT NULL,
            published_version INTEGER,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            deleted_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT flows_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT flows_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX flows_live_idx ON flows (tenant_id, updated_at) WHERE deleted_at IS NULL")
    protect("flows")
    op.execute("""
        CREATE TABLE flow_edits (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            edit_no INTEGER NOT NULL,
            op_id TEXT NOT NULL,
            member_id UUID NOT NULL,
            label TEXT NOT NULL,
            merge_key TEXT,
            before JSONB NOT NULL,
            after JSONB NOT NULL,
            status TEXT DEFAULT 'done' NOT NULL,
            rev INTEGER NOT NULL,
            at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT flow_edits_pkey PRIMARY KEY (tenant_id, flow_id, edit_no),
            CONSTRAINT flow_edits_tenant_id_flow_id_op_id_key UNIQUE (tenant_id, flow_id, op_id),
            CONSTRAINT flow_edits_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX flow_edits_tenant_id_flow_id_rev_idx ON flow_edits (tenant_id, flow_id, rev)")
    protect("flow_edits")
    op.execute("""
        CREATE TABLE flow_intents (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            name TEXT NOT NULL,
            description TEXT DEFAULT '' NOT NULL,
            examples TEXT[] DEFAULT '{}' NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT flow_intents_pkey PRIMARY KEY (tenant_id, flow_id, name),
            CONSTRAINT flow_intents_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("flow_intents")
    op.execute("""
        CREATE TABLE flow_versions (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            version INTEGER NOT NULL,
            document JSONB NOT NULL,
            model_hash TEXT,
            note TEXT DEFAULT '' NOT NULL,
            published_by UUID,
            published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT flow_versions_pkey PRIMARY KEY (tenant_id, flow_id, version),
            CONSTRAINT flow_versions_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("flow_versions")
    op.execute("""
        CREATE TABLE intent_models (
            tenant_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            model_hash TEXT NOT NULL,
            status TEXT DEFAULT 'pending' NOT NULL,
            progress FLOAT DEFAULT '0' NOT NULL,
            progress_text TEXT DEFAULT '' NOT NULL,
            examples JSONB NOT NULL,
            model BYTEA,
            report JSONB,
            error TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            trained_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT intent_models_pkey PRIMARY KEY (tenant_id, flow_id, model_hash),
            CONSTRAINT intent_models_tenant_id_flow_id_fkey FOREIGN KEY(tenant_id, flow_id) REFERENCES flows (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("intent_models")
