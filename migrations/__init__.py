"""Alembic revisions: one change each, and the row-level policies."""
