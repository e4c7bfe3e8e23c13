"""Roles that own nothing."""

from migrations.policies import create_roles

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_roles()
