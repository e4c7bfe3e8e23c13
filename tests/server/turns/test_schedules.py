"""Schedules fire once per due minute, for everybody they are for, each told once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import func, select, update

from server.conversations.tables import conversations, inbox
from server.flows.due import install_schedules
from server.flows.tables import flow_versions, schedule_runs, schedules
from server.kit import clock
from server.kit.db import Database
from server.kit.tables import jobs
from server.turns import schedules as room
from server.turns.schedules import fire_schedules, run_schedule
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import say


def daily(**trigger: Any) -> dict[str, Any]:
    document = flow_of({"ask": ("ask_question", {"text": "How are you?", "save_as": "mood"})}, [("ask", "next", "ask")])
    document["schema_version"] = 2
    document["triggers"].append({"id": "daily", "type": "schedule", "node": "ask", "cron": "0 9 * * *", **trigger})
    return document


async def bot_with(db: Database, document: dict[str, Any]) -> Bot:
    bot = await publish(db, document)
    async with db.tenant(bot.tenant_id) as conn:
        await install_schedules(conn, bot.tenant_id, bot.flow_id, document)
    return bot


async def make_due(db: Database, bot: Bot, ago: timedelta = timedelta(seconds=1)) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(schedules).values(next_at=clock.now() - ago))


async def runs(db: Database, bot: Bot) -> list[Any]:
    async with db.tenant(bot.tenant_id) as conn:
        return list(await conn.execute(select(schedule_runs).order_by(schedule_runs.c.id)))


async def triggered(db: Database, bot: Bot) -> list[UUID]:
    async with db.tenant(bot.tenant_id) as conn:
        return list(await conn.scalars(select(inbox.c.conversation_id).where(inbox.c.kind == "triggered").order_by(inbox.c.id)))


async def test_nothing_fires_early(db: Database) -> None:
    bot = await bot_with(db, daily())
    assert await fire_schedules(db) == 0
    assert await runs(db, bot) == []


async def test_a_due_minute_fires_once_however_many_look(db: Database) -> None:
    bot = await bot_with(db, daily())
    await make_due(db, bot)
    fired = await asyncio.gather(*(fire_schedules(db) for _ in range(6)))
    assert sum(fired) == 1
    assert len(await runs(db, bot)) == 1
    async with db.tenant(bot.tenant_id) as conn:
        coming = await conn.scalar(select(schedules.c.next_at))
        assert await conn.scalar(select(func.count()).where(jobs.c.name == "turns.run_schedule")) == 1
    assert coming > clock.now()


async def test_what_is_long_past_is_left_out(db: Database) -> None:
    bot = await bot_with(db, daily())
    await make_due(db, bot, timedelta(hours=2))
    assert await fire_schedules(db) == 0
    assert await runs(db, bot) == []


async def test_a_deleted_flow_does_not_speak(db: Database) -> None:
    from server.flows.tables import flows

    bot = await bot_with(db, daily())
    await make_due(db, bot)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(flows).values(deleted_at=clock.now()))
    assert await fire_schedules(db) == 0


async def test_quiet_hours_put_it_off(db: Database) -> None:
    document = daily()
    now = clock.now()
    begins, ends = now - timedelta(hours=1), now + timedelta(hours=1)
    document["settings"]["quiet_hours"] = {"from": f"{begins:%H:%M}", "to": f"{ends:%H:%M}"}
    bot = await bot_with(db, document)
    await make_due(db, bot)
    assert await fire_schedules(db) == 1
    async with db.tenant(bot.tenant_id) as conn:
        due_at = await conn.scalar(select(jobs.c.due_at))
    assert due_at == ends.replace(second=0, microsecond=0)


async def test_everybody_with_an_open_conversation_is_told_once_in_batches(
    app: Litestar, client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BATCH", 2)
    monkeypatch.setattr(room, "PAUSE_S", 0.0)
    bot = await bot_with(db, daily())
    opened = [(await say(client, bot, start=True, contact={"id": f"c{n}"}))["conversation_id"] for n in range(5)]
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(conversations).where(conversations.c.id == UUID(opened[0])).values(status="closed"))
        await conn.execute(update(conversations).where(conversations.c.id == UUID(opened[1])).values(is_test=True))
    await make_due(db, bot)
    await fire_schedules(db)
    [run] = await runs(db, bot)
    redis = app.state.redis
    await asyncio.gather(*(run_schedule(db, redis, bot.tenant_id, run.id) for _ in range(2)))
    told = await triggered(db, bot)
    assert sorted(map(str, told)) == sorted(opened[2:])
    [done] = await runs(db, bot)
    assert (done.status, done.told) == ("done", 3)


async def test_all_contacts_means_those_whose_conversation_is_over_too(app: Litestar, client: httpx.AsyncClient, db: Database) -> None:
    bot = await bot_with(db, daily(audience="all"))
    opened = [(await say(client, bot, start=True, contact={"id": f"c{n}"}))["conversation_id"] for n in range(2)]
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(conversations).where(conversations.c.id == UUID(opened[0])).values(status="closed"))
    await make_due(db, bot)
    await fire_schedules(db)
    [run] = await runs(db, bot)
    await run_schedule(db, app.state.redis, bot.tenant_id, run.id)
    assert sorted(map(str, await triggered(db, bot))) == sorted(opened)


async def test_a_new_version_brings_its_schedules_and_keeps_the_moment_of_those_that_stay(db: Database) -> None:
    bot = await bot_with(db, daily())
    await make_due(db, bot, timedelta(minutes=-7))
    changed = daily()
    changed["triggers"].append({"id": "weekly", "type": "schedule", "node": "ask", "cron": "0 9 * * 1", "audience": "all"})
    async with db.tenant(bot.tenant_id) as conn:
        before = await conn.scalar(select(schedules.c.next_at))
        await install_schedules(conn, bot.tenant_id, bot.flow_id, changed)
        kept = {row.trigger_id: row for row in await conn.execute(select(schedules))}
        assert kept["daily"].next_at == before
        assert kept["weekly"].audience == "all"
        await install_schedules(conn, bot.tenant_id, bot.flow_id, daily(cron="30 9 * * *"))
        [row] = await conn.execute(select(schedules))
        assert (row.trigger_id, row.next_at.minute) == ("daily", 30)
        await install_schedules(conn, bot.tenant_id, bot.flow_id, {"triggers": []})
        assert list(await conn.execute(select(schedules))) == []


async def test_the_live_version_counts(db: Database) -> None:
    bot = await bot_with(db, daily())
    await make_due(db, bot)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(flow_versions).values(version=2))
    assert await fire_schedules(db) == 0
