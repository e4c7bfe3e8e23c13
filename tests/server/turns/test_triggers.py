"""What wakes a conversation from outside: events, schedules, silence; and what one conversation tells all others."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar
from sqlalchemy import select, update

from server.conversations.tables import conversations, inbox, messages
from server.flows.due import install_schedules
from server.flows.tables import bot_variables, schedule_runs, schedules
from server.kit import clock
from server.kit.db import Database
from server.turns.engine import Turns
from server.turns.replay import replay
from server.turns.runner import Runner
from server.turns.schedules import fire_schedules, run_schedule
from server.turns.tables import timers
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import Answer, post, say, texts, until


def bot_of(*triggers: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A bot that asks a question for ever, and says something when a trigger calls."""
    document = flow_of(
        {
            "ask": ("ask_question", {"text": "How are you?", "save_as": "mood"}),
            "said": ("send_message", {"text": "Noted: {{ mood }}."}),
            "news": ("send_message", {"text": "News: {{ got.text if got else 'none' }}."}),
        },
        [("ask", "next", "said"), ("said", "next", "ask")],
        variables={"mood": {"type": "text", "scope": "flow"}, "got": {"type": "object", "scope": "flow"}},
        **extra,
    )
    document["schema_version"] = 2
    document["triggers"] += [{"node": "news", **trigger} for trigger in triggers]
    return document


async def said(db: Database, bot: Bot, conversation: str) -> list[str]:
    query = select(messages.c.body).where(messages.c.conversation_id == UUID(conversation), messages.c.direction == "out")
    async with db.tenant(bot.tenant_id) as conn:
        return [body["text"] for body in await conn.scalars(query.order_by(messages.c.seq))]


async def speaks(db: Database, bot: Bot, answer: Answer, *expected: str) -> None:
    """The bot says all this, and nothing else."""

    async def done() -> bool:
        return len(await said(db, bot, answer["conversation_id"])) >= len(expected)

    await until(done)
    assert await said(db, bot, answer["conversation_id"]) == list(expected)


async def replays(db: Database, bot: Bot, answer: Answer) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        assert (await replay(conn, bot.tenant_id, UUID(answer["conversation_id"]))).differences == ()


async def test_an_event_leads_elsewhere_and_back(client: httpx.AsyncClient, app: Litestar, db: Database, runner: Runner) -> None:
    bot = await publish(db, bot_of({"id": "t", "type": "event", "name": "news", "save_as": "got"}))
    answer = await say(client, bot, start=True)
    url = app.state.callbacks.url(bot.tenant_id, UUID(answer["conversation_id"]))
    assert (await client.post(f"{url}/news", json={"text": "snow"})).status_code == 202
    await speaks(db, bot, answer, "How are you?", "News: snow.", "How are you?")
    assert texts(await say(client, bot, answer, text="fine"))[0] == "Noted: fine."
    await replays(db, bot, answer)


async def test_a_schedule_speaks_in_open_conversations(client: httpx.AsyncClient, app: Litestar, db: Database, runner: Runner) -> None:
    document = bot_of({"id": "daily", "type": "schedule", "cron": "0 9 * * *"})
    bot = await publish(db, document)
    answer = await say(client, bot, start=True)
    async with db.tenant(bot.tenant_id) as conn:
        await install_schedules(conn, bot.tenant_id, bot.flow_id, document)
        await conn.execute(update(schedules).values(next_at=clock.now()))
    assert await fire_schedules(db) in (0, 1)  # the runner may have been first
    async with db.tenant(bot.tenant_id) as conn:
        run_id = await conn.scalar(select(schedule_runs.c.id))
    await run_schedule(db, app.state.redis, bot.tenant_id, run_id)
    await speaks(db, bot, answer, "How are you?", "News: none.", "How are you?")
    await replays(db, bot, answer)


async def test_silence_is_broken_once_and_not_early(client: httpx.AsyncClient, db: Database, turns: Turns) -> None:
    bot = await publish(db, bot_of({"id": "quiet", "type": "inactivity", "after_s": 600}))
    runner = Runner(turns)
    answer = await say(client, bot, start=True)
    await runner.sweep()
    await turns.drain(bot.tenant_id, UUID(answer["conversation_id"]))
    assert await said(db, bot, answer["conversation_id"]) == ["How are you?"]
    await say(client, bot, answer, text="busy")
    async with db.tenant(bot.tenant_id) as conn:
        rows = {row.status: row for row in await conn.execute(select(timers))}
        assert set(rows) == {"cancelled", "waiting"}, "the customer spoke: silence begins again"
        await conn.execute(update(timers).values(due_at=timers.c.due_at - timedelta(seconds=601)))
    for _ in range(3):
        await runner.sweep()
        await turns.drain(bot.tenant_id, UUID(answer["conversation_id"]))
    assert await said(db, bot, answer["conversation_id"]) == [
        "How are you?", "Noted: busy.", "How are you?", "News: none.", "How are you?"
    ]  # fmt: skip
    await replays(db, bot, answer)


async def test_what_one_conversation_sets_for_the_bot_the_others_see(client: httpx.AsyncClient, db: Database) -> None:
    document = flow_of(
        {
            "ask": ("ask_question", {"text": "The word is {{ word }}. A new one?", "save_as": "word"}),
            "said": ("send_message", {"text": "{{ word }} it is."}),
        },
        [("ask", "next", "said"), ("said", "next", "ask")],
        variables={"word": {"type": "text", "scope": "bot", "default": "none"}},
    )
    document["schema_version"] = 2
    bot = await publish(db, document)
    one, two = [await say(client, bot, start=True, contact={"id": who}) for who in ("one", "two")]
    assert texts(two) == ["The word is none. A new one?"]
    await say(client, bot, one, text="tulip")
    three = await say(client, bot, start=True, contact={"id": "three"})
    assert texts(three) == ["The word is tulip. A new one?"]
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(bot_variables.c.held)) == {"word": "tulip"}
    assert texts(await say(client, bot, two, text="rose"))[0] == "rose it is."
    assert texts(await say(client, bot, one, text="lily"))[0] == "lily it is."
    for answer in (one, two, three):
        await replays(db, bot, answer)


async def test_a_trial_conversation_changes_nothing_for_the_others(client: httpx.AsyncClient, db: Database) -> None:
    document = flow_of(
        {"ask": ("ask_question", {"text": "Word?", "save_as": "word"})},
        [("ask", "next", "ask")],
        variables={"word": {"type": "text", "scope": "bot"}},
    )
    document["schema_version"] = 2
    bot = await publish(db, document)
    answer = await say(client, bot, start=True)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(conversations).values(is_test=True))
    await say(client, bot, answer, text="tulip")
    async with db.tenant(bot.tenant_id) as conn:
        assert list(await conn.execute(select(bot_variables))) == []


async def test_a_trigger_that_comes_while_a_call_is_open_is_heard_after_it(
    client: httpx.AsyncClient, app: Litestar, db: Database, runner: Runner
) -> None:
    document = bot_of({"id": "t", "type": "event", "name": "news", "save_as": "got"})
    document["nodes"]["said"].update(type="http_request", on_error={"do": "branch"})
    document["nodes"]["said"]["settings"] = {"url": "https://shop.example/", "timeout_s": 1}
    document["edges"] = {
        "e0": {"source": "ask", "port": "next", "target": "said"},
        "e1": {"source": "said", "port": "ok", "target": "ask"},
        "e2": {"source": "said", "port": "failed", "target": "ask"},
    }
    bot = await publish(db, document)
    answer = await say(client, bot, start=True)
    conversation = UUID(answer["conversation_id"])
    url = app.state.callbacks.url(bot.tenant_id, conversation)
    async with app.state.db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(conversations.c.waiting_for)) == "message"

    asking = asyncio.create_task(say(client, bot, answer, text="fine"))

    async def calling() -> bool:
        async with db.tenant(bot.tenant_id) as conn:
            return await conn.scalar(select(conversations.c.waiting_for)) == "call"

    await until(calling)
    await client.post(f"{url}/news", json={"text": "snow"})

    async def early() -> bool:
        async with db.tenant(bot.tenant_id) as conn:
            return await conn.scalar(select(inbox.c.status).where(inbox.c.kind == "event_received")) == "early"

    await until(early)
    await asking
    await speaks(db, bot, answer, "How are you?", "How are you?", "News: snow.", "How are you?")


async def test_silence_is_not_broken_in_quiet_hours(client: httpx.AsyncClient, db: Database) -> None:
    document = bot_of({"id": "quiet", "type": "inactivity", "after_s": 600})
    now = clock.now()
    begins, ends = now + timedelta(minutes=5), now + timedelta(hours=1)
    document["settings"]["quiet_hours"] = {"from": f"{begins:%H:%M}", "to": f"{ends:%H:%M}"}
    bot = await publish(db, document)
    await say(client, bot, start=True)
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(timers.c.due_at)) == ends.replace(second=0, microsecond=0)


async def test_a_flow_writes_in_the_customers_time_zone(client: httpx.AsyncClient, db: Database) -> None:
    document = flow_of({"hi": ("send_message", {"text": "{{ contact.time_zone }}"})}, [])
    bot = await publish(db, document)
    assert texts(await say(client, bot, start=True, contact={"id": "v", "time_zone": "Asia/Tokyo"})) == ["Asia/Tokyo"]
    refused = await post(client, bot, start=True, contact={"id": "w", "time_zone": "Asia/Atlantis"})
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["contact.time_zone"])
