"""Workspaces and members."""

from alembic import op

from migrations.policies import allow_lookup, allow_sweep, protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE tenants (
            tenant_id UUID NOT NULL,
            name TEXT NOT NULL,
            settings JSONB DEFAULT '{}' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id)
        )
    """)
    protect("tenants")
    allow_sweep("tenants", ["tenant_id"])
    op.execute("""
        CREATE TABLE members (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            account_id UUID NOT NULL,
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            password_hash TEXT NOT NULL,
            role TEXT NOT NULL,
            settings JSONB DEFAULT '{}' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            disabled_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT members_pkey PRIMARY KEY (tenant_id, id),
            CONSTRAINT members_tenant_id_email_key UNIQUE (tenant_id, email),
            CONSTRAINT members_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES tenants (tenant_id) ON DELETE CASCADE,
            CONSTRAINT members_role_check CHECK (role in ('owner', 'editor', 'analyst'))
        )
    """)
    op.execute("CREATE INDEX members_account_id_idx ON members (account_id)")
    op.execute("CREATE INDEX members_email_idx ON members (email)")
    protect("members")
    allow_lookup("members", "email", "email", "text")
    allow_lookup("members", "account_id", "account_id", "uuid")
    op.execute("""
        CREATE POLICY lookup_account_id ON tenants FOR SELECT TO chatloom_app USING (
            tenant_id IN (SELECT m.tenant_id FROM members m WHERE m.account_id = (select nullif(current_setting('app.account_id', true), '')::uuid))
        )
    """)
