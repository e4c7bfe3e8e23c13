"""A new release beside the old one: its migration has changed the tables while the processes of the old one work on them."""

import asyncio

import asyncpg
import pytest

from server.kit.db import Database
from tests.faults.place import Place, everybody_is_answered_once

CHANGED = ("channels", "contacts", "conversations", "inbox", "turns", "messages", "outbox", "events", "calls", "jobs")


@pytest.mark.faults
async def test_old_processes_go_on_while_the_next_releases_migration_comes_and_goes(place: Place, place_db: Database) -> None:
    """Each table gets a column that the old release knows nothing of, and loses it when the new release is taken back."""

    async def migrate_forth_and_back(place: Place) -> None:
        owner = await asyncpg.connect(place.postgres.migration_url)
        for change in ("add column of_the_next_release text not null default 'new'", "drop column of_the_next_release"):
            for table in CHANGED:
                await owner.execute(f"alter table {table} {change}")
            await asyncio.sleep(0.5)
        await owner.close()

    await everybody_is_answered_once(place, place_db, migrate_forth_and_back)
