"""Files that customers send."""

from alembic import op

from migrations.policies import protect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE uploads (
            tenant_id UUID NOT NULL,
            id UUID NOT NULL,
            conversation_id UUID,
            member_id UUID,
            name TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size BIGINT NOT NULL,
            sha256 BYTEA NOT NULL,
            key TEXT NOT NULL,
            used_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT uploads_pkey PRIMARY KEY (tenant_id, id)
        )
    """)
    op.execute("CREATE INDEX uploads_tenant_id_conversation_id_idx ON uploads (tenant_id, conversation_id)")
    protect("uploads")
