"""Providers deliver the same message many times at once and in any order; it is one message, one turn and one answer."""

import asyncio
import os
import random
from collections.abc import Callable

import pytest
from sqlalchemy import text

from server.kit.db import Database
from tests.faults.invariants import Outside
from tests.faults.load import Customers, check_transcripts, many_connections, publish_hook
from tests.faults.place import Place

WORDS = ("one", "two", "three", "four", "five")
CONTACTS = 20 if os.environ.get("ROUNDS") else 2
DELIVERIES = 50
PATIENCE_S = 60.0


@pytest.mark.faults
async def test_fifty_deliveries_of_a_message_at_once_are_one_turn(
    place: Place, place_db: Database, record_recovery: Callable[[str, float], None]
) -> None:
    """A contact's next message follows when one delivery of the last was taken: the others still come in, in any order."""
    bot = await publish_hook(place_db, place.settings, place.shop)
    async with many_connections() as client:
        customers = Customers(place.processes, client)

        async def deliver(key: str, contact: str, word: str) -> None:
            while not await customers.deliver(bot, key, contact, word, PATIENCE_S):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

        async def insist(contact: str) -> None:
            late: list[asyncio.Task[None]] = []
            for number, word in enumerate(WORDS):
                key = f"{contact}-{number}"
                deliveries = [asyncio.create_task(deliver(key, contact, word)) for _ in range(DELIVERIES)]
                await next(asyncio.as_completed(deliveries))
                late += deliveries
            await asyncio.gather(*late)

        contacts = [f"{bot.tenant_id.hex}.{number}" for number in range(CONTACTS)]
        random.shuffle(contacts)
        await asyncio.gather(*map(insist, contacts))
    took = await place.check(place_db, [bot], Outside(place.shop.delivered, place.shop.calls, customers.accepted))
    record_recovery("until every message delivered 50 times was answered", took)
    await check_transcripts(place_db, bot, CONTACTS, WORDS)
    assert len(customers.accepted) == CONTACTS * len(WORDS) * DELIVERIES
    async with place_db.tenant(bot.tenant_id) as conn:
        turns = await conn.scalar(text("select count(*) from turns"))
    assert turns == CONTACTS * len(WORDS)
