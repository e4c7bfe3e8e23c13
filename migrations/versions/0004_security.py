"""Sessions and keys."""

from alembic import op

from migrations.policies import allow_lookup, allow_sweep, protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE data_keys (
            tenant_id UUID NOT NULL,
            key_no INTEGER NOT NULL,
            wrapped_key BYTEA NOT NULL,
            master_key_id TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT data_keys_pkey PRIMARY KEY (tenant_id, key_no),
            CONSTRAINT data_keys_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE
        )
    """)
    protect("data_keys")
    allow_sweep("data_keys", ["tenant_id", "key_no", "master_key_id"])
    op.execute("""
        CREATE TABLE sessions (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            member_id UUID NOT NULL,
            token_hash TEXT NOT NULL,
            limited BOOLEAN DEFAULT false NOT NULL,
            user_agent TEXT DEFAULT '' NOT NULL,
            address TEXT DEFAULT '' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            revoked_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT sessions_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX sessions_revoked_at_idx ON sessions (revoked_at) WHERE revoked_at is not null")
    op.execute("CREATE INDEX sessions_tenant_id_member_id_idx ON sessions (tenant_id, member_id)")
    op.execute("CREATE INDEX sessions_token_hash_idx ON sessions (token_hash)")
    protect("sessions")
    allow_lookup("sessions", "token_hash", "token_hash", "text")
    allow_sweep("sessions", ["tenant_id", "id", "revoked_at"])
    op.execute("""
        CREATE TABLE rotated_tokens (
            tenant_id UUID NOT NULL,
            token_hash TEXT NOT NULL,
            session_id UUID NOT NULL,
            rotated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT rotated_tokens_pkey PRIMARY KEY (tenant_id, token_hash),
            CONSTRAINT rotated_tokens_tenant_id_session_id_fkey FOREIGN KEY(tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX rotated_tokens_token_hash_idx ON rotated_tokens (token_hash)")
    op.execute("CREATE INDEX rotated_tokens_tenant_id_session_id_idx ON rotated_tokens (tenant_id, session_id)")
    protect("rotated_tokens")
    allow_lookup("rotated_tokens", "token_hash", "token_hash", "text")
    op.execute("""
        CREATE TABLE sign_in_failures (
            tenant_id UUID NOT NULL,
            member_id UUID NOT NULL,
            address TEXT NOT NULL,
            failures INTEGER NOT NULL,
            first_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT sign_in_failures_pkey PRIMARY KEY (tenant_id, member_id, address),
            CONSTRAINT sign_in_failures_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE
        )
    """)
    protect("sign_in_failures")
    op.execute("""
        CREATE TABLE sign_in_links (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            member_id UUID NOT NULL,
            token_hash TEXT NOT NULL,
            limited BOOLEAN NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT sign_in_links_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT sign_in_links_tenant_id_member_id_fkey FOREIGN KEY(tenant_id, member_id) REFERENCES members (tenant_id, id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX sign_in_links_token_hash_idx ON sign_in_links (token_hash)")
    protect("sign_in_links")
    allow_lookup("sign_in_links", "token_hash", "token_hash", "text")
