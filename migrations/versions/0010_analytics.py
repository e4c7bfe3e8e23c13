"""Windows."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversation_intents (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            intent TEXT NOT NULL,
            first_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT conversation_intents_pkey PRIMARY KEY (tenant_id, conversation_id, intent),
            CONSTRAINT conversation_intents_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE,
            CONSTRAINT conversation_intents_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id)
                REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX conversation_intents_tenant_id_intent_first_at_idx ON conversation_intents (tenant_id, intent, first_at)")
    protect("conversation_intents")
    op.execute("""
        CREATE TABLE intent_windows (
            tenant_id UUID NOT NULL,
            minute TIMESTAMP WITH TIME ZONE NOT NULL,
            flow_id UUID NOT NULL,
            flow_version INTEGER NOT NULL,
            channel_id UUID NOT NULL,
            intent TEXT NOT NULL,
            conversations INTEGER NOT NULL,
            CONSTRAINT intent_windows_pkey PRIMARY KEY (tenant_id, minute, flow_id, flow_version, channel_id, intent),
            CONSTRAINT intent_windows_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("intent_windows")
    op.execute("""
        CREATE TABLE rollups (
            tenant_id UUID NOT NULL,
            last_tx xid8 NOT NULL,
            last_event_id BIGINT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT rollups_pkey PRIMARY KEY (tenant_id),
            CONSTRAINT rollups_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("rollups")
    allow_sweep("rollups", ["tenant_id", "last_tx", "last_event_id"])
    op.execute("""
        CREATE TABLE windows (
            tenant_id UUID NOT NULL,
            minute TIMESTAMP WITH TIME ZONE NOT NULL,
            flow_id UUID NOT NULL,
            flow_version INTEGER NOT NULL,
            channel_id UUID NOT NULL,
            conversations INTEGER DEFAULT '0' NOT NULL,
            conversations_ended INTEGER DEFAULT '0' NOT NULL,
            conversations_contained INTEGER DEFAULT '0' NOT NULL,
            conversations_handed_off INTEGER DEFAULT '0' NOT NULL,
            conversations_unresolved INTEGER DEFAULT '0' NOT NULL,
            conversations_abandoned INTEGER DEFAULT '0' NOT NULL,
            messages_in INTEGER DEFAULT '0' NOT NULL,
            messages_out INTEGER DEFAULT '0' NOT NULL,
            turns INTEGER DEFAULT '0' NOT NULL,
            turn_ms INTEGER[] DEFAULT '{}' NOT NULL,
            calls INTEGER DEFAULT '0' NOT NULL,
            calls_failed INTEGER DEFAULT '0' NOT NULL,
            model_calls INTEGER DEFAULT '0' NOT NULL,
            input_tokens BIGINT DEFAULT '0' NOT NULL,
            output_tokens BIGINT DEFAULT '0' NOT NULL,
            cost_usd NUMERIC(16, 8) DEFAULT '0' NOT NULL,
            CONSTRAINT windows_pkey PRIMARY KEY (tenant_id, minute, flow_id, flow_version, channel_id),
            CONSTRAINT windows_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("windows")
