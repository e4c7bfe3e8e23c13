"""What happens to bots while customers talk: clocks are wrong, versions come and go."""

import asyncio

import pytest
from sqlalchemy import select, text, update

from server.flows.tables import flow_versions, flows
from server.kit.db import Database
from tests.faults.invariants import Outside
from tests.faults.load import Customers, check_transcripts, many_connections, publish_chat
from tests.faults.place import Place, everybody_is_answered_once
from tests.server.turns.bots import Bot
from tests.server.turns.talk import until

CHATS = 6
WRONG_CLOCK = """
from datetime import timedelta
from server.kit import clock
right = clock.machine
clock.machine = lambda: right() + timedelta(minutes={minutes})
"""


@pytest.mark.faults
async def test_clocks_that_are_ten_minutes_apart(place: Place, place_db: Database) -> None:
    """One web process lives ten minutes early, the runner ten minutes late, the worker early again."""
    wrong = {"web0": -10, "runner0": 10, "worker0": -10}
    place.processes.restart({name: WRONG_CLOCK.format(minutes=minutes) for name, minutes in wrong.items()})

    async def nothing(place: Place) -> None:
        return None

    await everybody_is_answered_once(place, place_db, nothing, chats=CHATS, hooks=CHATS)


@pytest.mark.faults
async def test_a_version_is_published_and_another_bot_deleted_in_the_middle(place: Place, place_db: Database) -> None:
    """Who has begun ends with what they began with."""
    updated, deleted = await publish_chat(place_db, place.shop), await publish_chat(place_db, place.shop)
    async with many_connections() as client, asyncio.timeout(60):
        customers = Customers(place.processes, client)
        talking = [asyncio.create_task(customers.chat(bot)) for bot in (updated, deleted) for _ in range(CHATS)]

        async def all_have_begun() -> bool:
            return min(await _started(place_db, updated), await _started(place_db, deleted)) == CHATS

        await until(all_have_begun)
        async with place_db.tenant(updated.tenant_id) as conn:
            document = await conn.scalar(select(flow_versions.c.document))
            document["nodes"]["tell"]["settings"]["text"] = "Something else."
            await conn.execute(
                flow_versions.insert().values(tenant_id=updated.tenant_id, flow_id=updated.flow_id, version=2, document=document)
            )
            await conn.execute(update(flows).values(published_version=2))
        async with place_db.tenant(deleted.tenant_id) as conn:
            await conn.execute(text("update flows set deleted_at = now()"))
        await asyncio.gather(*talking)
    await place.check(place_db, [updated, deleted], Outside(place.shop.delivered, place.shop.calls, customers.accepted))
    for bot in (updated, deleted):
        await check_transcripts(place_db, bot, CHATS)


async def _started(db: Database, bot: Bot) -> int:
    async with db.tenant(bot.tenant_id) as conn:
        return int(await conn.scalar(text("select count(*) from conversations")) or 0)
