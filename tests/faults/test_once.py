"""Providers deliver the same message many times at once and in any order; it is one message, one turn and one answer."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from server.kit.db import Database
from tests.faults.invariants import Outside
from tests.faults.load import Customers, check_transcripts, many_connections, publish_hook, until_calm
from tests.faults.place import Place
from tests.faults.slack import InSlack, deliveries, publish_slack

WORDS = ("one", "two", "three", "four", "five")
CONTACTS = 10 if os.environ.get("ROUNDS") else 1
DELIVERIES = 50
PATIENCE_S = 60.0

Deliver = Callable[[], Awaitable[bool]]


async def insist(deliver: Deliver) -> None:
    """The provider does not let go until the message is taken."""
    while not await deliver():  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def say_all(messages: list[Deliver]) -> None:
    """A contact's next message follows when one delivery of the last was taken: the others still come in, in any order."""
    late: list[asyncio.Task[None]] = []
    for message in messages:
        deliveries = [asyncio.create_task(insist(message)) for _ in range(DELIVERIES)]
        await next(asyncio.as_completed(deliveries))
        late += deliveries
    await asyncio.gather(*late)


@pytest.mark.faults
async def test_fifty_deliveries_of_a_message_at_once_are_one_turn(
    place: Place, place_db: Database, record_recovery: Callable[[str, float], None]
) -> None:
    """As many people in Slack as over a plain webhook."""
    hooked = await publish_hook(place_db, place.settings, place.shop)
    in_slack = await publish_slack(place_db, place.settings, place.shop, place.slack)
    bots = [hooked, in_slack]
    async with many_connections() as client:
        customers = Customers(place.processes, client)

        def by_hook(contact: str, number: int, word: str) -> Deliver:
            return lambda: customers.deliver(hooked, f"{contact}-{number}", contact, word, PATIENCE_S)

        def by_slack(person: InSlack, word: str) -> Deliver:
            event = person.says(word)
            return lambda: person.deliver(event, PATIENCE_S)

        talks = [[by_slack(InSlack(customers, place.slack, in_slack, n), word) for word in WORDS] for n in range(CONTACTS)]
        contacts = [f"{hooked.tenant_id.hex}.{number}" for number in range(CONTACTS)]
        talks += [[by_hook(contact, number, word) for number, word in enumerate(WORDS)] for contact in contacts]
        random.shuffle(talks)
        await asyncio.gather(*map(say_all, talks))
    took = await until_calm(place_db, bots)
    delivered = [*place.shop.delivered, *await deliveries(place_db, in_slack, place.slack)]
    await place.check(place_db, bots, Outside(delivered, place.shop.calls, customers.accepted))
    record_recovery("until every message delivered 50 times was answered", took)
    assert len(customers.accepted) == 2 * CONTACTS * len(WORDS) * DELIVERIES
    for bot in bots:
        await check_transcripts(place_db, bot, CONTACTS, WORDS)
        async with place_db.tenant(bot.tenant_id) as conn:
            assert await conn.scalar(text("select count(*) from turns")) == CONTACTS * len(WORDS)
