"""What the engine does when what it stands on gives way."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
from click.testing import CliRunner
from litestar import Litestar
from redis.asyncio import Redis
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from server.conversations.close import close_abandoned
from server.conversations.tables import conversations
from server.kit.clock import now
from server.kit.db import Database
from server.kit.embedded.postgres import EmbeddedPostgres
from server.kit.live import Live
from server.kit.settings import Settings, environment_for_children
from server.kit.tables import events
from server.turns.commands import replay
from server.turns.engine import Turns
from server.turns.tables import turns as turn_rows
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import ROUTE, post, say, texts, until


async def test_without_redis_messages_are_answered_all_the_same(client: httpx.AsyncClient, db: Database, app: Litestar) -> None:
    bot = await publish(db, ECHO)
    shared = app.state.turns.resources
    away = Redis(host="127.0.0.1", port=1)
    alone = Turns(db, away, Live(away), shared.settings, shared.vault, shared.http)
    await alone.start()
    app.state.turns = alone
    answer = await say(client, bot, await say(client, bot, start=True), text="Grace")
    assert texts(answer)[0] == "Nice to meet you, Grace (1)."
    await alone.stop()
    await away.aclose()


async def test_a_database_that_drops_its_connections_costs_a_retry_and_no_message(
    client: httpx.AsyncClient, db: Database, postgres: EmbeddedPostgres
) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    admin = await asyncpg.connect(postgres.admin_url)
    name = make_url(db.url).database
    for number in range(3):
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        key = f"m{number}"

        async def answered(key: str = key) -> bool:
            response = await post(client, bot, first, text=key, client_message_id=key)
            assert response.status_code in (200, 500, 503)
            return response.status_code == 200

        await until(answered)
    await admin.close()
    answer = await say(client, bot, first, text="Grace")
    assert texts(answer)[0] == "Nice to meet you, Grace (4)."


async def test_a_conversation_nobody_answers_is_closed_after_a_day(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    old, fresh = await say(client, bot, start=True), await say(client, bot, start=True)
    last_word = now() - timedelta(days=3)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(conversations).where(conversations.c.id == UUID(old["conversation_id"])).values(updated_at=last_word))
    assert await close_abandoned(db) == 1
    assert await close_abandoned(db) == 0
    async with db.tenant(bot.tenant_id) as conn:
        rows = {str(row.id): (row.status, row.outcome) for row in await conn.execute(select(conversations))}
        ends = list(await conn.execute(select(events).where(events.c.type == "conversation.ended")))
    assert rows == {old["conversation_id"]: ("closed", "abandoned"), fresh["conversation_id"]: ("open", None)}
    assert [(str(end.conversation_id), end.at) for end in ends] == [(old["conversation_id"], last_word + timedelta(days=1))]
    assert texts(await say(client, bot, old, text="Grace"))[0] == "Nice to meet you, Grace (1)."


async def test_the_command_replays_and_says_where_it_differs(client: httpx.AsyncClient, db: Database, settings: Settings) -> None:
    bot = await publish(db, ECHO)
    answer = await say(client, bot, await say(client, bot, start=True), text="Grace")
    environment = environment_for_children(settings)

    def run() -> tuple[int, str]:
        done = CliRunner().invoke(replay, [answer["conversation_id"]], env=environment)
        return done.exit_code, done.output

    assert await asyncio.to_thread(run) == (0, "2 turns from 2 inputs: effects, paths and states are the same.\n")
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(turn_rows).where(turn_rows.c.turn == 2).values(effects=[{"kind": "say", "text": "Something else."}]))
    code, output = await asyncio.to_thread(run)
    assert code == 1
    assert "turn 2, effects:" in output
    assert "Something else." in output
    assert "1 differences in 2 turns." in output


async def test_a_stopping_server_refuses_new_messages_kindly(client: httpx.AsyncClient, db: Database, turns: Turns) -> None:
    bot = await publish(db, ECHO)
    await turns.stop()
    response = await client.post(ROUTE, json={"channel_id": str(bot.channel_id), "client_message_id": "m" * 32, "start": True})
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
