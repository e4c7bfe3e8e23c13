"""Contacts that are one person."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE contacts ADD COLUMN merged_into UUID")
    op.execute("""
        ALTER TABLE contacts ADD CONSTRAINT contacts_tenant_id_merged_into_fkey
        FOREIGN KEY (tenant_id, merged_into) REFERENCES contacts (tenant_id, id)
    """)
    op.execute("CREATE INDEX contacts_merged_idx ON contacts (tenant_id, merged_into) WHERE merged_into is not null")
    op.execute("CREATE INDEX contacts_tenant_id_created_at_idx ON contacts (tenant_id, created_at)")
