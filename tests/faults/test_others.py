"""Other people's systems are slow, busy, broken, or take what they are sent and say nothing: each customer is told once, in order."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from server.kit.db import Database
from tests.fakes.channels.provider import Fault
from tests.faults.invariants import Outside
from tests.faults.load import WORDS, Customers, check_transcripts, many_connections, publish_chat, publish_hook, until_calm
from tests.faults.place import PATIENCE_S, Place
from tests.faults.shop import Mood
from tests.faults.slack import InSlack, deliveries, publish_slack

EACH = 3
UNKNOWN = (Mood.CUT, Mood.SILENT, Mood.NOISE)
SLACK = [
    Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}),
    Fault(took_it=True),
    Fault(503),
    Fault(took_it=True, silent_s=3600),
]


@pytest.mark.faults
async def test_providers_and_services_in_every_mood_at_once(place: Place, place_db: Database) -> None:
    """A provider that took a message and did not say so is not sent it again; a call that failed takes the flow's other way."""
    hooked = {mood: await publish_hook(place_db, place.settings, place.shop, mood) for mood in Mood}
    chatting = {mood: await publish_chat(place_db, place.shop, mood) for mood in Mood}
    in_slack = await publish_slack(place_db, place.settings, place.shop, place.slack)
    place.slack.faults = list(SLACK)
    words = {mood: ("one",) if mood is Mood.SILENT else ("one", "two") for mood in Mood}
    async with many_connections() as client, asyncio.timeout(PATIENCE_S):
        customers = Customers(place.processes, client)
        talking = [customers.chat(bot) for bot in chatting.values() for _ in range(EACH)]
        talking += [customers.hook(bot, f"{bot.tenant_id.hex}.{n}", words[mood]) for mood, bot in hooked.items() for n in range(EACH)]
        talking += [InSlack(customers, place.slack, in_slack, n).talk(("one", "two")) for n in range(EACH)]
        await asyncio.gather(*talking)
    bots = [*hooked.values(), *chatting.values(), in_slack]
    await until_calm(place_db, bots)
    delivered = [*place.shop.delivered, *await deliveries(place_db, in_slack, place.slack)]
    await place.check(place_db, bots, Outside(delivered, place.shop.calls, customers.accepted))
    async with place_db.tenant(in_slack.tenant_id) as conn:
        states = Counter(await conn.scalars(text("select status from outbox")))
    assert states == {"maybe": 2, "sent": EACH * 3 - 2}
    await check_transcripts(place_db, in_slack, EACH, ("one", "two"))
    for mood, bot in hooked.items():
        await check_transcripts(place_db, bot, EACH, words[mood])
        async with place_db.tenant(bot.tenant_id) as conn:
            states = set(await conn.scalars(text("select distinct status from outbox")))
        assert states == ({"maybe"} if mood in UNKNOWN else {"sent"}), mood
    for bot in chatting.values():
        await check_transcripts(place_db, bot, EACH, WORDS)
