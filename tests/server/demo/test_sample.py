"""The sample workspaces: a running shop, a second company, two weeks of conversations made by the runtime."""

from datetime import date, timedelta
from uuid import UUID

import pytest
import redis.asyncio
from sqlalchemy import func, select

from server.conversations.tables import conversations
from server.demo import shop_api
from server.demo.history import Wanted, make_history, train_sample
from server.demo.remove import count_history, remove_history
from server.demo.seed import HISTORY_JOB, SHOP, TRAVEL, seed
from server.flows.library import library
from server.flows.tables import flow_versions, flows
from server.kit.clock import now
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.jobs import Resources, Work
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.kit.tables import events, jobs
from server.security.first_owner import first_owner
from server.tenants import queries
from server.turns.tables import calls, turns
from server.turns.versions import Versions


async def seeded(db: Database, settings: Settings) -> tuple[UUID, UUID]:
    owner = await first_owner(db, settings)
    await seed(db, settings, *owner, conversations=24)
    return owner


async def with_history(db: Database, settings: Settings) -> UUID:
    """The sample shop with a dozen conversations instead of all of them."""
    tenant_id, _ = await seeded(db, settings)
    client = redis.asyncio.from_url(settings.redis_url or "")
    resources = Resources(settings, db, client, Live(client), Vault.open(settings.secret_key_file), OutboundClient(frozenset()))
    async with db.tenant(tenant_id) as connection:
        job = (await connection.execute(select(jobs).where(jobs.c.name == HISTORY_JOB))).one()
    work = Work(tenant_id, job.id, 1, resources)
    await train_sample(work, UUID(job.args["flow_id"]))
    for _ in range(2):
        await make_history(db, Versions(library), Wanted(tenant_id, job.id, UUID(job.args["flow_id"]), job.args["conversations"]))
    await client.aclose()
    return tenant_id


class TestSeed:
    async def test_opens_a_shop_and_a_second_company_for_one_person(self, db: Database, settings: Settings) -> None:
        tenant_id, member_id = await seeded(db, settings)
        async with db.tenant(tenant_id) as connection:
            owner = await queries.member(connection, tenant_id, member_id)
        assert owner is not None
        names = {row.name for row in await queries.workspaces_of_account(db, owner.account_id)}
        assert names == {SHOP, TRAVEL}

    async def test_the_sample_flows_are_published_without_problems(self, db: Database, settings: Settings) -> None:
        tenant_id, _ = await seeded(db, settings)
        async with db.tenant(tenant_id) as connection:
            row = (await connection.execute(select(flow_versions.c.version, flow_versions.c.document))).one()
        assert row.version == 1
        assert settings.public_url in row.document["nodes"]["find_order"]["settings"]["url"]

    async def test_does_nothing_the_second_time(self, db: Database, settings: Settings) -> None:
        owner = await seeded(db, settings)
        await seed(db, settings, *owner)
        async with db.tenant(owner[0]) as connection:
            assert (await connection.execute(select(func.count()).select_from(flows))).scalar_one() == 1


class TestHistory:
    async def test_is_made_by_the_runtime_once(self, db: Database, settings: Settings) -> None:
        tenant_id = await with_history(db, settings)
        async with db.tenant(tenant_id) as connection:
            count = (await connection.execute(select(func.count()).select_from(conversations))).scalar_one()
            kinds = set((await connection.execute(select(events.c.type).distinct())).scalars())
            open_calls = (await connection.execute(select(func.count()).where(calls.c.status.in_(("pending", "running"))))).scalar_one()
            failures = (await connection.execute(select(func.count()).where(turns.c.failure.is_not(None)))).scalar_one()
            late = (await connection.execute(select(func.max(conversations.c.ended_at)))).scalar_one()
            outcomes = set((await connection.execute(select(conversations.c.outcome).distinct())).scalars())
            left = set((await connection.execute(select(jobs.c.name))).scalars())
        assert count == 24
        assert {"conversation.started", "message.received", "message.sent", "turn.taken", "intent.classified", "call.finished"} <= kinds
        assert (open_calls, failures) == (0, 0)
        assert late < now() - timedelta(minutes=1)
        assert {"contained", "unresolved"} <= outcomes
        assert "turns.perform_call" not in left

    async def test_keeps_within_two_weeks(self, db: Database, settings: Settings) -> None:
        tenant_id = await with_history(db, settings)
        async with db.tenant(tenant_id) as connection:
            started = set((await connection.execute(select(conversations.c.started_at))).scalars())
        today = now().replace(hour=0, minute=0, second=0, microsecond=0)
        assert today - timedelta(days=13) <= min(started) < today - timedelta(days=10)
        assert max(started) < now()

    async def test_goes_away_in_one_step(self, db: Database, settings: Settings) -> None:
        tenant_id = await with_history(db, settings)
        async with db.tenant(tenant_id) as connection:
            assert await count_history(connection, tenant_id) == 24
            assert await remove_history(connection, tenant_id) == 24
            assert await count_history(connection, tenant_id) == 0
            logged = select(func.count()).where(events.c.conversation_id.is_not(None))
            assert (await connection.execute(logged)).scalar_one() == 0


class TestOrders:
    @pytest.mark.parametrize(
        ("number", "status"), [("BB-1000", "delivered"), ("bb1001", "shipped"), ("BB-1003", "packing"), ("BB-9500", "unknown")]
    )
    def test_have_a_status_by_their_number(self, number: str, status: str) -> None:
        assert shop_api.order(number, date(2026, 5, 1))["status"] == status

    @pytest.mark.parametrize("number", ["", "12", "BB-12345", "'; drop table orders"])
    def test_nonsense_is_no_order(self, number: str) -> None:
        assert shop_api.order(number, date(2026, 5, 1))["found"] is False

    def test_the_same_return_has_the_same_number(self) -> None:
        assert shop_api.returned("BB-1000", "damaged", "a@b.example") == shop_api.returned("bb-1000 ", "damaged", "A@b.example")
