"""Waiting: a timer fires once, not early, and lets the conversation go on."""

from datetime import timedelta

import httpx
from sqlalchemy import func, select, update

from server.conversations.tables import inbox, messages
from server.kit.clock import now
from server.kit.db import Database
from server.turns.runner import Runner
from server.turns.sweep import waiting_conversations
from server.turns.tables import timers
from server.turns.timers import fire_timers
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import Answer, say, until

WAITING = flow_of(
    {
        "ask": ("ask_question", {"text": "Shall I wait?", "save_as": "wish"}),
        "wait": ("wait", {"seconds": 60}),
        "tell": ("send_message", {"text": "A minute is over."}),
    },
    [("ask", "next", "wait"), ("wait", "next", "tell"), ("tell", "next", "ask")],
)


async def waiting(client: httpx.AsyncClient, db: Database) -> tuple[Bot, Answer]:
    bot = await publish(db, WAITING)
    answer = await say(client, bot, await say(client, bot, start=True), text="yes")
    assert answer["waiting_for"] == "timer"
    return bot, answer


async def make_due(db: Database, bot: Bot) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(timers).values(due_at=now() - timedelta(seconds=1)))


async def test_a_timer_does_not_fire_early_and_fires_once(client: httpx.AsyncClient, db: Database) -> None:
    bot, _ = await waiting(client, db)
    assert await fire_timers(db) == []
    await make_due(db, bot)
    assert len(await fire_timers(db)) == 1
    assert await fire_timers(db) == []
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).where(inbox.c.input["kind"].astext == "timer_fired")) == 1


async def test_what_was_written_while_waiting_is_answered_after_the_timer(client: httpx.AsyncClient, db: Database, runner: Runner) -> None:
    bot, answer = await waiting(client, db)
    queued = await say(client, bot, answer, text="and now?", client_message_id="m3")
    assert (queued["status"], queued["messages"]) == ("queued", [])
    await make_due(db, bot)

    async def answered() -> bool:
        return (await say(client, bot, answer, text="and now?", client_message_id="m3"))["status"] != "queued"

    await until(answered)
    async with db.tenant(bot.tenant_id) as conn:
        said = list(await conn.scalars(select(messages.c.body["text"].astext).order_by(messages.c.seq)))
    assert said == ["Shall I wait?", "yes", "A minute is over.", "Shall I wait?", "and now?"]


async def test_the_sweeper_leaves_alone_what_cannot_be_taken_yet(client: httpx.AsyncClient, db: Database) -> None:
    bot, answer = await waiting(client, db)
    await say(client, bot, answer, text="and now?")
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(inbox).values(received_at=now() - timedelta(minutes=1)))
    assert await waiting_conversations(db) == []
    await make_due(db, bot)
    assert [place[0] for place in await fire_timers(db)] == [bot.tenant_id]
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(inbox).values(received_at=now() - timedelta(minutes=1)))
    assert [place[0] for place in await waiting_conversations(db)] == [bot.tenant_id]
