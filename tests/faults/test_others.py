"""Other people's systems are slow, busy, broken, or take what they are sent and say nothing: each customer is told once, in order."""

import asyncio

import pytest
from sqlalchemy import text

from server.kit.db import Database
from tests.faults.invariants import Outside
from tests.faults.load import WORDS, Customers, check_transcripts, many_connections, publish_chat, publish_hook
from tests.faults.place import PATIENCE_S, Place
from tests.faults.shop import Mood

EACH = 3
UNKNOWN = (Mood.CUT, Mood.SILENT, Mood.NOISE)


@pytest.mark.faults
async def test_providers_and_services_in_every_mood_at_once(place: Place, place_db: Database) -> None:
    """A provider that took a message and did not say so is not sent it again; a call that failed takes the flow's other way."""
    hooked = {mood: await publish_hook(place_db, place.settings, place.shop, mood) for mood in Mood}
    chatting = {mood: await publish_chat(place_db, place.shop, mood) for mood in Mood}
    words = {mood: ("one",) if mood is Mood.SILENT else ("one", "two") for mood in Mood}
    async with many_connections() as client, asyncio.timeout(PATIENCE_S):
        customers = Customers(place.processes, client)
        talking = [customers.chat(bot) for bot in chatting.values() for _ in range(EACH)]
        talking += [customers.hook(bot, f"{bot.tenant_id.hex}.{n}", words[mood]) for mood, bot in hooked.items() for n in range(EACH)]
        await asyncio.gather(*talking)
    bots = [*hooked.values(), *chatting.values()]
    await place.check(place_db, bots, Outside(place.shop.delivered, place.shop.calls, customers.accepted))
    for mood, bot in hooked.items():
        await check_transcripts(place_db, bot, EACH, words[mood])
        async with place_db.tenant(bot.tenant_id) as conn:
            states = set(await conn.scalars(text("select distinct status from outbox")))
        assert states == ({"maybe"} if mood in UNKNOWN else {"sent"}), mood
    for bot in chatting.values():
        await check_transcripts(place_db, bot, EACH, WORDS)
