"""Very many conversations whose timers are due in the same second: each goes on once, and who writes meanwhile is answered.

`TIMERS=10000 pytest tests/server/turns/test_many_timers.py -s` prints how long it takes.
"""

import os
import time
from datetime import timedelta

import httpx
from sqlalchemy import func, select, text

from server.conversations.tables import conversations, inbox, messages
from server.kit.clock import now
from server.kit.db import Database
from server.turns.engine import Turns
from server.turns.runner import Runner
from server.turns.sweep import waiting_conversations
from server.turns.tables import timers
from tests.server.turns.bots import publish
from tests.server.turns.talk import say, until
from tests.server.turns.test_timers import WAITING, make_due, waiting

TIMERS = int(os.environ.get("TIMERS", "400"))
WITHIN_S = 60.0

# The copies wait exactly as the conversation does that they are copies of; only the names are their own.
COPIES = """
    with made as (
        insert into conversations
        select (jsonb_populate_record(null::conversations, to_jsonb(c) || jsonb_build_object(
            'id', new.id, 'state', replace(c.state::text, c.id::text, new.id::text)::jsonb))).*
        from conversations c cross join (select gen_random_uuid() as id from generate_series(1, :copies)) new
        returning id
    )
    insert into timers (tenant_id, conversation_id, id, due_at)
    select t.tenant_id, made.id, replace(t.id, t.conversation_id::text, made.id::text), t.due_at from timers t cross join made
"""


async def test_all_go_on_once_and_customers_are_answered_meanwhile(
    client: httpx.AsyncClient, db: Database, turns: Turns, runner: Runner
) -> None:
    bot, _ = await waiting(client, db)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(text(COPIES), {"copies": TIMERS - 1})
    other = await publish(db, WAITING)
    began = time.monotonic()
    await make_due(db, bot)
    due = time.monotonic()

    async def all_went_on() -> bool:
        async with db.tenant(bot.tenant_id) as conn:
            told = func.count().filter(messages.c.body["text"].astext == "A minute is over.")
            return bool(await conn.scalar(select(told)) == TIMERS)

    asked = time.monotonic()
    await say(client, other, start=True)
    answered = time.monotonic()
    await until(all_went_on, WITHIN_S)
    over = time.monotonic()
    print(f"\n{TIMERS} timers made due in {due - began:.1f} s, all turns taken {over - due:.1f} s later; ", end="")
    print(f"another customer's answer meanwhile took {1000 * (answered - asked):.0f} ms")
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).where(timers.c.status == "fired")) == TIMERS
        fired = (inbox.c.input["kind"].astext == "timer_fired", inbox.c.status == "processed")
        assert await conn.scalar(select(func.count()).where(*fired)) == TIMERS
        told = select(func.count()).where(messages.c.body["text"].astext == "A minute is over.").group_by(messages.c.conversation_id)
        assert set(await conn.scalars(told)) == {1}


async def test_a_tenant_with_very_much_to_do_leaves_the_others_their_share(client: httpx.AsyncClient, db: Database) -> None:
    busy, _ = await waiting(client, db)
    quiet, _ = await waiting(client, db)
    async with db.tenant(busy.tenant_id) as conn:
        await conn.execute(text(COPIES), {"copies": 600})
    for bot in (busy, quiet):
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(
                text(
                    "insert into inbox (tenant_id, id, conversation_id, channel_id, input, received_at)"
                    """ select tenant_id, gen_random_uuid(), id, channel_id, '{"kind": "timer_fired"}', :at from conversations"""
                ),
                {"at": now() - timedelta(minutes=1)},
            )
    found = await waiting_conversations(db)
    assert [place[0] for place in found].count(quiet.tenant_id) == 1
    assert [place[0] for place in found].count(busy.tenant_id) == 500
    async with db.tenant(busy.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).select_from(conversations)) == 601
