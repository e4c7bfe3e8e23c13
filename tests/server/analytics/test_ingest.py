"""The roll-up takes each event once, whatever order the transactions commit in."""

from datetime import UTC, datetime
from uuid import UUID

import redis.asyncio
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics.ingest import events_waiting, roll_up, roll_up_all
from server.analytics.tables import windows
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.live import Live
from server.kit.tables import events
from server.tenants.tables import tenants

NOON = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
FLOW, CHANNEL = UUID(int=1), UUID(int=2)


async def make_tenant(db: Database) -> UUID:
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
    return tenant_id


async def log(connection: AsyncConnection, tenant_id: UUID, type: str, **props: object) -> None:
    row = {"tenant_id": tenant_id, "type": type, "at": NOON, "flow_id": FLOW, "flow_version": 1, "channel_id": CHANNEL, "props": props}
    await connection.execute(insert(events).values(**row))


async def sent(db: Database, tenant_id: UUID) -> int:
    async with db.tenant(tenant_id) as connection:
        return sum((await connection.execute(select(windows.c.messages_out))).scalars())


class TestRollUp:
    async def test_adds_later_events_to_the_same_window(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        for ms in (3, 300):
            async with db.tenant(tenant_id) as connection:
                await log(connection, tenant_id, "turn.taken", ms=ms)
                await log(connection, tenant_id, "message.sent")
            assert await roll_up(db, tenant_id) == 2
        async with db.tenant(tenant_id) as connection:
            window = (await connection.execute(select(windows))).one()
        assert (window.turns, sum(window.turn_ms), window.messages_out) == (2, 2, 2)
        assert await roll_up(db, tenant_id) == 0

    async def test_waits_for_a_transaction_that_commits_late(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        async with db.tenant(tenant_id) as late:
            await log(late, tenant_id, "message.sent")
            async with db.tenant(tenant_id) as connection:
                await log(connection, tenant_id, "message.sent")
            await roll_up(db, tenant_id)
        await roll_up(db, tenant_id)
        assert await sent(db, tenant_id) == 2
        assert await events_waiting(db, tenant_id) == 0

    async def test_finds_the_tenants_that_are_behind_and_mixes_none(self, db: Database, redis_url: str) -> None:
        one, other = await make_tenant(db), await make_tenant(db)
        for tenant_id, number in ((one, 1), (other, 2)):
            async with db.tenant(tenant_id) as connection:
                for _ in range(number):
                    await log(connection, tenant_id, "message.sent")
        client = redis.asyncio.from_url(redis_url)
        assert await roll_up_all(db, Live(client)) == 3
        assert (await sent(db, one), await sent(db, other)) == (1, 2)
        await client.aclose()

    async def test_counts_what_is_waiting(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        assert await events_waiting(db, tenant_id) == 0
        async with db.tenant(tenant_id) as connection:
            await log(connection, tenant_id, "message.sent")
        assert await events_waiting(db, tenant_id) == 1

    async def test_the_sweeper_reads_no_content(self, db: Database) -> None:
        async with db.sweep() as connection:
            allowed = await connection.execute(text("select has_column_privilege('chatloom_sweeper', 'events', 'props', 'select')"))
            assert allowed.scalar_one() is False
