"""Jobs: done once, retried with patience, given up with a reason; whatever Redis loses or doubles."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import insert, select, text, update

from server.kit import jobs as kit_jobs
from server.kit.claims import backoff
from server.kit.clock import now
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.ids import uuid7
from server.kit.jobs import RINGING, WAITING, GiveUp, Resources, Work, due_jobs, enqueue, job, ring, ring_again, run_job
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.kit.tables import jobs
from server.tenants.tables import tenants


@pytest.fixture
async def resources(db: Database, settings: Settings, redis_url: str, tmp_path: Path) -> AsyncIterator[Resources]:
    redis = Redis.from_url(redis_url)
    yield Resources(settings, db, redis, Live(redis), Vault.open(tmp_path / "key"), OutboundClient())
    await redis.aclose()


@pytest.fixture
async def tenant_id(db: Database) -> UUID:
    made = uuid7()
    async with db.tenant(made) as conn:
        await conn.execute(insert(tenants).values(tenant_id=made, name="Acme"))
    return made


@pytest.fixture
def did() -> Iterator[list[Any]]:
    """What the test's job was asked to do; the job `test.note` lives as long as the test."""
    done: list[Any] = []

    @job("test.note", tries=3, timeout_s=0.5)
    async def note(work: Work, what: str) -> None:
        done.append((work.attempt, what))
        if what == "fail":
            raise ValueError("no luck")
        if what == "no room":
            async with work.db.tenant(work.tenant_id) as conn:
                await conn.execute(text("do $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$"))
        if what == "give up":
            raise GiveUp("there is no such thing")
        if what == "hang":
            await asyncio.sleep(60)

    yield done
    del kit_jobs.registry["test.note"]


async def ask(db: Database, tenant_id: UUID, what: Any = "it", name: str = "test.note", **args: Any) -> UUID:
    async with db.tenant(tenant_id) as conn:
        return await enqueue(conn, tenant_id, name, {"what": what, **args})


async def row_of(db: Database, tenant_id: UUID, job_id: UUID) -> Any:
    async with db.tenant(tenant_id) as conn:
        return (await conn.execute(select(jobs).where(jobs.c.id == job_id))).one()


async def make_due(db: Database, tenant_id: UUID, job_id: UUID) -> None:
    async with db.tenant(tenant_id) as conn:
        await conn.execute(update(jobs).where(jobs.c.id == job_id).values(due_at=now() - timedelta(seconds=1)))


async def test_a_job_is_done_once_however_often_it_rings(resources: Resources, tenant_id: UUID, did: list[Any]) -> None:
    job_id = await ask(resources.db, tenant_id)
    ends = await asyncio.gather(*(run_job(resources, tenant_id, job_id) for _ in range(5)))
    assert sorted(ends) == ["done", "skipped", "skipped", "skipped", "skipped"]
    assert did == [(1, "it")]
    assert (await row_of(resources.db, tenant_id, job_id)).status == "done"


async def test_a_failing_job_is_tried_again_later_and_then_dead_with_its_reason(
    resources: Resources, tenant_id: UUID, did: list[Any]
) -> None:
    job_id = await ask(resources.db, tenant_id, "fail")
    for attempt in (1, 2):
        assert await run_job(resources, tenant_id, job_id) == "retry"
        assert await run_job(resources, tenant_id, job_id) == "skipped", "not due yet"
        row = await row_of(resources.db, tenant_id, job_id)
        assert row.due_at > now() + backoff(attempt) - timedelta(seconds=5)
        await make_due(resources.db, tenant_id, job_id)
    assert await run_job(resources, tenant_id, job_id) == "dead"
    row = await row_of(resources.db, tenant_id, job_id)
    assert (row.status, row.attempts, row.error) == ("dead", 3, "ValueError: no luck")


async def test_a_database_without_room_costs_no_try(db: Database, resources: Resources, tenant_id: UUID, did: list[Any]) -> None:
    job_id = await ask(db, tenant_id, "no room")
    for _ in range(4):
        assert await run_job(resources, tenant_id, job_id) == "retry"
        async with db.tenant(tenant_id) as conn:
            await conn.execute(update(jobs).values(due_at=now()))
    row = await row_of(db, tenant_id, job_id)
    assert (row.status, row.attempts) == ("pending", 0)
    assert "no room" in row.error


@pytest.mark.parametrize(
    ("name", "args", "reason"),
    [
        ("test.note", {"what": "give up"}, "there is no such thing"),
        ("test.note", {"what": "it", "more": 1}, "bad arguments: got an unexpected keyword argument 'more'"),
        ("os.system", {"what": "touch /tmp/x"}, "no such job: os.system"),
    ],
)
async def test_what_can_never_work_is_dead_after_one_try(
    resources: Resources, tenant_id: UUID, did: list[Any], name: str, args: dict[str, Any], reason: str
) -> None:
    job_id = await ask(resources.db, tenant_id, name=name, **args)
    assert await run_job(resources, tenant_id, job_id) == "dead"
    row = await row_of(resources.db, tenant_id, job_id)
    assert (row.attempts, row.error) == (1, reason)


async def test_a_job_that_hangs_is_ended_at_its_time_limit(resources: Resources, tenant_id: UUID, did: list[Any]) -> None:
    job_id = await ask(resources.db, tenant_id, "hang")
    before = asyncio.all_tasks()
    assert await run_job(resources, tenant_id, job_id) == "retry"
    assert asyncio.all_tasks() == before, "nothing of it goes on"
    assert (await row_of(resources.db, tenant_id, job_id)).error == "took longer than 0.5 s"


async def test_a_job_whose_worker_died_is_taken_over_and_given_up_after_its_tries(
    resources: Resources, tenant_id: UUID, did: list[Any]
) -> None:
    job_id = await ask(resources.db, tenant_id)
    gone = {"status": "running", "lease_until": now() - timedelta(seconds=1)}
    async with resources.db.tenant(tenant_id) as conn:
        await conn.execute(update(jobs).values(**gone, attempts=1))
    assert await due_jobs(resources.db) == [(tenant_id, job_id)]
    assert await run_job(resources, tenant_id, job_id) == "done"
    async with resources.db.tenant(tenant_id) as conn:
        await conn.execute(update(jobs).values(**gone, attempts=3))
    assert await run_job(resources, tenant_id, job_id) == "dead"
    assert (await row_of(resources.db, tenant_id, job_id)).error == "the worker died 3 times while doing it"
    assert did == [(2, "it")]


async def test_a_worker_that_lost_its_lease_does_not_have_the_last_word(resources: Resources, tenant_id: UUID, did: list[Any]) -> None:
    job_id = await ask(resources.db, tenant_id, "hang")
    running = asyncio.create_task(run_job(resources, tenant_id, job_id))
    while not did:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    async with resources.db.tenant(tenant_id) as conn:
        await conn.execute(update(jobs).values(lease_no=jobs.c.lease_no + 1, status="done"))
    await running
    row = await row_of(resources.db, tenant_id, job_id)
    assert (row.status, row.error) == ("done", None)


async def test_another_tenants_job_is_not_there(resources: Resources, tenant_id: UUID, did: list[Any]) -> None:
    job_id = await ask(resources.db, tenant_id)
    assert await run_job(resources, uuid7(), job_id) == "skipped"
    assert did == []


async def test_a_job_carries_ids_and_never_content(db: Database, tenant_id: UUID) -> None:
    with pytest.raises(ValueError, match="a job carries ids, not content"):
        await ask(db, tenant_id, "x" * 600_000)


async def test_what_travels_through_redis_is_two_ids_as_json(resources: Resources, tenant_id: UUID) -> None:
    import json
    import zlib

    job_id = await ask(resources.db, tenant_id)
    await resources.redis.delete(RINGING, WAITING)
    await ring(resources.redis, tenant_id, job_id)
    ring_id = (await resources.redis.lrange("rq:queue:chatloom", -1, -1))[0].decode()
    data = await resources.redis.hget(f"rq:job:{ring_id}", "data")
    assert json.loads(zlib.decompress(data)) == ["server.worker.perform", None, [str(tenant_id), str(job_id)], {}]
    assert not await ring_again(resources.redis, tenant_id, job_id), "it rang a moment ago"
    await resources.redis.delete(f"rung:{tenant_id}:{job_id}")
    assert await ring_again(resources.redis, tenant_id, job_id)


async def test_jobs_join_a_ring_that_is_on_its_way(resources: Resources, tenant_id: UUID) -> None:
    redis, job_ids = resources.redis, [uuid7() for _ in range(3)]
    await redis.delete(RINGING, WAITING)
    before = await redis.llen("rq:queue:chatloom")
    for job_id in job_ids:
        await ring(redis, tenant_id, job_id)
    assert await redis.llen("rq:queue:chatloom") == before + 1
    assert await redis.lrange(WAITING, 0, -1) == [f"{tenant_id}:{job_id}".encode() for job_id in job_ids]
    await redis.delete(RINGING)  # as the worker does that takes it
    await ring(redis, tenant_id, uuid7())
    assert await redis.llen("rq:queue:chatloom") == before + 2


async def test_a_redis_that_is_away_does_not_hurt(db: Database, tenant_id: UUID) -> None:
    away = Redis(host="127.0.0.1", port=1)
    await ring(away, tenant_id, uuid7())
    await away.aclose()
