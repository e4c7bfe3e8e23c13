"""How long a conversation waits, and what happens when its customer comes back, as each channel has it."""

from datetime import timedelta
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select, update

from flow_runtime import Message, input_to_json
from server.conversations.close import close_abandoned
from server.conversations.inbox import Arrival, Contact, accept
from server.conversations.tables import conversations
from server.kit import clock
from server.kit.db import Database
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.talk import post, say


async def _silent_for(db: Database, bot: Bot, minutes: int) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(conversations).values(updated_at=clock.now() - timedelta(minutes=minutes)))


async def _states(db: Database, bot: Bot) -> list[str]:
    async with db.tenant(bot.tenant_id) as conn:
        return list(await conn.scalars(select(conversations.c.status).order_by(conversations.c.started_at)))


async def test_a_channel_says_how_long_and_what_then(client: httpx.AsyncClient, db: Database) -> None:
    short = await publish(db, ECHO, settings={"session_minutes": "30", "session_then": "restart"})
    usual = await publish(db, ECHO, settings={"session_minutes": "soon"})
    begun = [await say(client, bot, start=True) for bot in (short, usual)]
    for bot in (short, usual):
        await _silent_for(db, bot, 29)
    assert await close_abandoned(db) == 0
    for bot in (short, usual):
        await _silent_for(db, bot, 31)
    assert await close_abandoned(db) == 1
    assert (await _states(db, short), await _states(db, usual)) == (["closed"], ["open"])
    over = await post(client, short, begun[0], text="Grace")
    assert (over.status_code, over.json()["type"]) == (410, "urn:chatloom:conversation_over")
    assert (await post(client, usual, begun[1], text="Grace")).status_code == 200
    assert (await say(client, short, start=True))["conversation_id"] != begun[0]["conversation_id"]


async def test_whoever_comes_back_by_a_webhook_goes_on_or_begins_anew(db: Database) -> None:
    bot = await publish(db, ECHO, kind="webhook", settings={"session_minutes": "5"})

    async def hear(resumes: bool) -> UUID:
        said = input_to_json(Message("hello", at=clock.now()))
        arrival = Arrival(bot.tenant_id, bot.channel_id, uuid4().hex, said, contact=Contact("c1"), flow_id=bot.flow_id, resumes=resumes)
        async with db.tenant(bot.tenant_id) as conn:
            return (await accept(conn, arrival)).conversation_id

    async def end() -> None:
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(update(conversations).values(waiting_for="message"))
        await _silent_for(db, bot, 6)
        await close_abandoned(db)

    first = await hear(False)
    assert await hear(False) == first
    await end()
    assert await hear(True) == first
    second = await hear(False)
    assert second != first
    assert await hear(True) == second  # the open one goes before a closed one
