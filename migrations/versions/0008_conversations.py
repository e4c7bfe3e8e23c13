"""Contacts, conversations, messages, inbox, outbox."""

from alembic import op

from migrations.policies import allow_sweep, protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE contacts (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            channel_id UUID NOT NULL,
            external_id TEXT NOT NULL,
            name TEXT,
            language TEXT,
            attributes JSONB DEFAULT '{}' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT contacts_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT contacts_tenant_id_channel_id_external_id_key UNIQUE (tenant_id, channel_id, external_id)
        )
    """)
    protect("contacts")
    op.execute("""
        CREATE TABLE conversations (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            channel_id UUID NOT NULL,
            contact_id UUID NOT NULL,
            flow_id UUID NOT NULL,
            flow_version INTEGER NOT NULL,
            is_test BOOLEAN DEFAULT 'false' NOT NULL,
            status TEXT DEFAULT 'open' NOT NULL,
            outcome TEXT,
            state JSONB,
            state_version INTEGER DEFAULT '0' NOT NULL,
            waiting_for TEXT,
            listens BOOLEAN DEFAULT 'true' NOT NULL,
            turn INTEGER DEFAULT '0' NOT NULL,
            last_seq INTEGER DEFAULT '0' NOT NULL,
            lease_no INTEGER DEFAULT '0' NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            ended_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT conversations_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT conversations_tenant_id_contact_id_fkey FOREIGN KEY(tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
        )
         WITH (fillfactor = 70)
    """)
    op.execute("CREATE INDEX conversations_tenant_id_contact_id_idx ON conversations (tenant_id, contact_id)")
    op.execute("CREATE INDEX conversations_tenant_id_flow_id_started_at_idx ON conversations (tenant_id, flow_id, started_at)")
    op.execute("CREATE INDEX conversations_tenant_id_updated_at_idx ON conversations (tenant_id, updated_at)")
    op.execute("CREATE INDEX conversations_idle_idx ON conversations (updated_at) WHERE status = 'open'")
    protect("conversations")
    allow_sweep("conversations", ["tenant_id", "id", "status", "is_test", "waiting_for", "listens", "updated_at", "lease_until"])
    op.execute("""
        CREATE TABLE inbox (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            channel_id UUID NOT NULL,
            external_id TEXT,
            input JSONB NOT NULL,
            kind TEXT GENERATED ALWAYS AS (input->>'kind') STORED,
            status TEXT DEFAULT 'pending' NOT NULL,
            attempts INTEGER DEFAULT '0' NOT NULL,
            error TEXT,
            turn INTEGER,
            turn_order INTEGER,
            received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            processed_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT inbox_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT inbox_tenant_id_channel_id_external_id_key UNIQUE (tenant_id, channel_id, external_id),
            CONSTRAINT inbox_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX inbox_pending_idx ON inbox (tenant_id, conversation_id, id) WHERE status = 'pending'")
    op.execute("CREATE INDEX inbox_tenant_id_conversation_id_idx ON inbox (tenant_id, conversation_id)")
    op.execute("CREATE INDEX inbox_waiting_idx ON inbox (received_at) WHERE status = 'pending'")
    protect("inbox")
    allow_sweep("inbox", ["tenant_id", "id", "conversation_id", "kind", "status", "received_at"])
    op.execute("""
        CREATE TABLE messages (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            seq INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            direction TEXT NOT NULL,
            body JSONB NOT NULL,
            client_message_id TEXT,
            at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT messages_pkey PRIMARY KEY (tenant_id, conversation_id, seq),
            CONSTRAINT messages_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("messages")
    op.execute("""
        CREATE TABLE outbox (
            tenant_id UUID NOT NULL,
            conversation_id UUID NOT NULL,
            seq INTEGER NOT NULL,
            channel_id UUID NOT NULL,
            status TEXT DEFAULT 'pending' NOT NULL,
            attempts INTEGER DEFAULT '0' NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            lease_no INTEGER DEFAULT '0' NOT NULL,
            lease_until TIMESTAMP WITH TIME ZONE,
            provider_id TEXT,
            error TEXT,
            sent_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, conversation_id, seq),
            CONSTRAINT outbox_tenant_id_conversation_id_fkey FOREIGN KEY(tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX outbox_due_idx ON outbox (due_at) WHERE status in ('pending', 'sending')")
    protect("outbox")
    allow_sweep("outbox", ["tenant_id", "conversation_id", "seq", "status", "due_at", "lease_until"])
