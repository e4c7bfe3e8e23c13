"""Model providers and usage."""

from alembic import op

from migrations.policies import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE model_usage (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            call_id TEXT,
            conversation_id UUID,
            provider_id UUID,
            model TEXT NOT NULL,
            outcome TEXT NOT NULL,
            input_tokens INTEGER DEFAULT '0' NOT NULL,
            output_tokens INTEGER DEFAULT '0' NOT NULL,
            cost_usd NUMERIC(14, 8) DEFAULT '0' NOT NULL,
            ms INTEGER DEFAULT '0' NOT NULL,
            CONSTRAINT model_usage_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT model_usage_tenant_id_call_id_key UNIQUE (tenant_id, call_id)
        )
    """)
    op.execute("CREATE INDEX model_usage_tenant_id_at_idx ON model_usage (tenant_id, at)")
    protect("model_usage")
    op.execute("""
        CREATE TABLE model_providers (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            base_url TEXT,
            model TEXT NOT NULL,
            api_key_sealed BYTEA,
            is_default BOOLEAN DEFAULT 'false' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT model_providers_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT model_providers_tenant_id_name_key UNIQUE (tenant_id, name),
            CONSTRAINT model_providers_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("model_providers")
