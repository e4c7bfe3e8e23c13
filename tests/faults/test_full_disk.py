"""PostgreSQL finds no room for new rows: whoever writes is asked to come again, and nothing that was taken in is given up.

What a full disk does to a server that has none to itself, a trigger does here: new rows are refused with PostgreSQL's own code for it,
while rows that are there can be read and changed.
"""

import asyncio

import asyncpg
import pytest

from server.kit.db import Database
from tests.faults.place import Place, everybody_is_answered_once

LASTS_S = 2.0
GROWING = ("inbox", "turns", "messages", "events", "outbox", "calls", "jobs")
_FULL = """
create function disk_is_full() returns trigger language plpgsql as $$
begin raise exception 'could not extend file "base/5/1259": No space left on device' using errcode = 'disk_full'; end $$"""


@pytest.mark.faults
async def test_everybody_is_answered_once_there_is_room_again(place: Place, place_db: Database) -> None:
    async def fill(place: Place) -> None:
        admin = await asyncpg.connect(place.admin_url)
        await admin.execute(_FULL)
        for table in GROWING:
            await admin.execute(f"create trigger disk_is_full before insert on {table} execute function disk_is_full()")
        await asyncio.sleep(LASTS_S)
        await admin.execute("drop function disk_is_full cascade")
        await admin.close()

    await everybody_is_answered_once(place, place_db, fill)
