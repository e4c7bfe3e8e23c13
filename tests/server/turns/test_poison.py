"""An input whose turn cannot be taken is tried three times, then put aside with its reason; everything else goes on."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import insert, select, update

from server.conversations.dead_letters import list_dead_letters
from server.conversations.figures import queue_figures
from server.conversations.inbox import Arrival, Contact, accept
from server.conversations.tables import conversations, inbox, messages
from server.flows.tables import flow_versions
from server.kit.db import Database
from server.kit.embedded.postgres import OWNER, EmbeddedPostgres
from server.kit.settings import Settings
from server.turns.claimed import TRIES
from server.turns.commit import Commit
from server.turns.engine import Turns
from server.turns.runner import Runner
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.talk import say, until


async def break_flow(db: Database, bot: Bot) -> None:
    """Make the published document unreadable, as a removed plugin would."""
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(flow_versions).values(document={**ECHO, "nodes": {"hello": {"type": "gone"}}}))


async def arrive(db: Database, bot: Bot, key: str, contact: str, given: dict[str, Any]) -> Any:
    async with db.tenant(bot.tenant_id) as conn:
        return await accept(conn, Arrival(bot.tenant_id, bot.channel_id, key, given, contact=Contact(contact), flow_id=bot.flow_id))


def message(text: str) -> dict[str, Any]:
    return {"kind": "message", "at": "2026-01-01T00:00:00+00:00", "seed": 1, "text": text, "language": None}


async def test_a_flow_that_cannot_run_fails_the_message_and_says_why(client: httpx.AsyncClient, db: Database, runner: Runner) -> None:
    bot = await publish(db, ECHO)
    await break_flow(db, bot)
    answer = await say(client, bot, text="hello")
    assert (answer["status"], answer["messages"]) == ("failed", [])
    async with db.tenant(bot.tenant_id) as conn:
        row = (await conn.execute(select(inbox))).one()
    assert (row.status, row.attempts) == ("dead", TRIES)
    assert row.error.startswith("InvalidFlow")


async def test_a_process_that_dies_on_a_message_gives_up_after_three_tries(db: Database, turns: Turns) -> None:
    bot = await publish(db, ECHO)
    accepted = await arrive(db, bot, "m1", "ada", message("boom"))
    async with db.tenant(bot.tenant_id) as conn:  # as three processes left it that were killed in the middle
        await conn.execute(update(inbox).values(attempts=TRIES))
    await turns.drain(bot.tenant_id, accepted.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        row = (await conn.execute(select(inbox))).one()
        letters, _ = await list_dead_letters(conn, bot.tenant_id)
        figures = await queue_figures(conn, bot.tenant_id)
    assert row.status == "dead"
    assert "died 3 times" in row.error
    assert [letter.reason for letter in letters] == [row.error]
    assert [(one.queue, one.status, one.rows) for one in figures] == [("inbox", "dead", 1)]


async def test_later_messages_and_other_conversations_go_on(db: Database, turns: Turns) -> None:
    bot = await publish(db, ECHO)
    poison = await arrive(db, bot, "m1", "ada", {"kind": "nonsense"})
    await arrive(db, bot, "m2", "ada", message("hello"))
    other = await arrive(db, bot, "m3", "grace", message("hello"))
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(inbox).where(inbox.c.id == poison.inbox_id).values(attempts=TRIES - 1))
    await turns.drain(bot.tenant_id, poison.conversation_id)
    await turns.drain(bot.tenant_id, other.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        statuses = list(await conn.scalars(select(inbox.c.status).order_by(inbox.c.id)))
        leases = list(await conn.scalars(select(conversations.c.lease_until)))
    assert statuses == ["dead", "processed", "processed"]
    assert leases == [None, None]


async def test_a_turn_the_database_refuses_does_not_hold_up_its_neighbours(db: Database, turns: Turns, runner: Runner) -> None:
    bot = await publish(db, ECHO)
    arrived = [await arrive(db, bot, f"m{n}", f"contact{n}", message("hello")) for n in range(5)]
    bad = arrived[2]
    async with db.tenant(bot.tenant_id) as conn:  # its first message has a number that is taken
        await conn.execute(
            insert(messages).values(tenant_id=bot.tenant_id, conversation_id=bad.conversation_id, seq=1, turn=0, direction="in", body={})
        )
    await asyncio.gather(*(turns.drain(bot.tenant_id, one.conversation_id) for one in arrived))

    async def statuses() -> dict[Any, str]:
        async with db.tenant(bot.tenant_id) as conn:
            return {row.id: row.status for row in await conn.execute(select(inbox))}

    async def settled() -> bool:
        return "pending" not in (await statuses()).values()

    await until(settled)
    found = await statuses()
    assert found.pop(bad.inbox_id) == "dead"
    assert set(found.values()) == {"processed"}


async def test_a_full_disk_costs_no_try(db: Database, turns: Turns, settings: Settings, postgres: EmbeddedPostgres) -> None:
    bot = await publish(db, ECHO)
    accepted = await arrive(db, bot, "m1", "ada", message("hello"))
    owner = await asyncpg.connect(postgres.address(OWNER, (settings.database_url or "").rpartition("?")[0].rpartition("/")[2]))
    await owner.execute(
        """create function full_disk() returns trigger language plpgsql as $$
        begin raise exception 'no room' using errcode = 'disk_full'; end $$;
        create trigger full_disk before insert on turns execute function full_disk()"""
    )
    for _ in range(TRIES + 1):
        await turns.drain(bot.tenant_id, accepted.conversation_id)
        async with db.tenant(bot.tenant_id) as conn:
            row = (await conn.execute(select(inbox))).one()
        assert (row.status, row.attempts, row.error) == ("pending", 0, "no room")
    await owner.execute("drop function full_disk cascade")
    await owner.close()
    await turns.drain(bot.tenant_id, accepted.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(inbox.c.status)) == "processed"


async def test_who_was_under_way_when_a_message_killed_the_process_has_a_last_try_alone(
    db: Database, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await publish(db, ECHO)
    arrived = [await arrive(db, bot, f"m{n}", f"contact{n}", message("hello")) for n in range(4)]
    async with db.tenant(bot.tenant_id) as conn:  # as two processes left them that were killed in the middle
        await conn.execute(update(inbox).values(attempts=TRIES - 1))
    together: list[int] = []
    write = Commit.write

    async def count(self: Commit, conn: Any, tenant_id: Any) -> Any:
        written = await write(self, conn, tenant_id)
        together.append(len(written))
        return written

    monkeypatch.setattr(Commit, "write", count)
    await asyncio.gather(*(turns.drain(bot.tenant_id, one.conversation_id) for one in arrived))

    async def processed() -> bool:
        async with db.tenant(bot.tenant_id) as conn:
            return set(await conn.scalars(select(inbox.c.status))) == {"processed"}

    await until(processed)
    assert max(together) == 1
