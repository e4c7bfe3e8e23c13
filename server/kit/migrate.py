"""Brings the database to the newest revision."""

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_LOCK = 4_702_310_001


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    command.upgrade(_config(connection), "head")


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    return MigrationContext.configure(connection).get_current_revision(), ScriptDirectory.from_config(
        _config(connection)
    ).get_current_head()


async def migrate(url: str) -> None:
    """Apply the missing revisions to the database at `url` (its owner's address); safe to run from several processes."""
    engine = create_async_engine(_driver(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def revisions(url: str) -> tuple[str | None, str | None]:
    """(revision of the database at `url`, newest revision in the code)."""
    engine = create_async_engine(_driver(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revisions)
    finally:
        await engine.dispose()


def _driver(url: str) -> str:
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url)
