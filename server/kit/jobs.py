"""Work that must happen after a commit: a row in `jobs` in the same transaction, a ring through RQ, one entry function.

PostgreSQL is the truth: the row says what is to be done, who does it now (lease and its number) and how it ended. Redis and RQ are a
doorbell that may lose or double any ring; the sweeper rings again. What travels through Redis is two ids, as JSON.
"""

import asyncio
import inspect
import json
import logging
import secrets
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import msgspec
from redis.asyncio import Redis
from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit import clock
from server.kit.claims import LEASE, Claimed, claim_job, end_job, renew_job
from server.kit.db import Database, is_away
from server.kit.ids import uuid7
from server.kit.live import Live
from server.kit.settings import Settings
from server.kit.tables import jobs
from server.kit.tasks import asked_to_stop

if TYPE_CHECKING:
    from server.kit.http import OutboundClient
    from server.kit.secrets import Vault

QUEUE = "chatloom"
ENTRY = "server.worker.perform"
MAX_ARGS_BYTES = 16_000
REPEAT_RING_S = 30
WAITING = "jobs:waiting"
"""The list of jobs that rings are for, `tenant:job`."""
RINGING = "jobs:ringing"
RINGING_MS = 1_000
"""So long no other ring is sent, unless a worker has taken this one."""
_FROM_THE_DATABASE = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = logging.getLogger(__name__)


class GiveUp(Exception):
    """Trying again will not help: the job is dead at once, with this reason."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a process shares with all its jobs."""

    settings: Settings
    db: Database
    redis: Redis
    live: Live
    vault: "Vault"
    http: "OutboundClient"


@dataclass(frozen=True, slots=True)
class Work:
    """One run of one job: whose it is, the how-manieth try, and what it may use."""

    tenant_id: UUID
    job_id: UUID
    attempt: int
    resources: Resources

    @property
    def db(self) -> Database:
        """The database."""
        return self.resources.db

    async def progress(self, done: float, text: str = "") -> None:
        """Note how far the job is (0 to 1) for whoever watches its row."""
        await note_progress(self.db, self.tenant_id, self.job_id, done, text)


async def note_progress(db: Database, tenant_id: UUID, job_id: UUID, done: float, text: str = "") -> None:
    """Write into the job's row how far it is."""
    async with db.tenant(tenant_id) as conn:
        await conn.execute(update(jobs).where(*_is(tenant_id, job_id)).values(progress={"done": done, "text": text}))


JobFunction = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A function that may be asked for by name, and how often and how long it is tried."""

    name: str
    function: JobFunction
    tries: int
    timeout_s: float


registry: dict[str, Job] = {}


def job(name: str, *, tries: int = 3, timeout_s: float = 60.0) -> Callable[[JobFunction], JobFunction]:
    """Allow `name` as a job: `async def f(work: Work, **args) -> None`. Tried `tries` times, each for at most `timeout_s`."""

    def register(function: JobFunction) -> JobFunction:
        if name in registry and registry[name].function is not function:
            raise ValueError(f"two jobs are called {name}")
        registry[name] = Job(name, function, tries, timeout_s)
        return function

    return register


async def enqueue(conn: AsyncConnection, tenant_id: UUID, name: str, args: Mapping[str, Any], due_at: datetime | None = None) -> UUID:
    """Write the job in the caller's transaction. After the commit `ring` its id; when that is forgotten the sweeper does it."""
    if len(msgspec.json.encode(args)) > MAX_ARGS_BYTES:
        raise ValueError(f"a job carries ids, not content: the arguments of {name} are larger than {MAX_ARGS_BYTES} bytes")
    job_id = uuid7()
    await conn.execute(insert(jobs).values(tenant_id=tenant_id, id=job_id, name=name, args=dict(args), due_at=due_at or clock.now()))
    return job_id


async def ring(redis: Redis, tenant_id: UUID, *job_ids: UUID) -> None:
    """Tell the workers that jobs are there. Losing a ring loses nothing: a Redis that is away is not the caller's trouble."""
    await ring_for(redis, [(tenant_id, job_id) for job_id in job_ids])


async def ring_for(redis: Redis, places: Sequence[tuple[UUID, UUID]]) -> None:
    """The same for (tenant, job) of any tenants. While a ring is on its way, more jobs only join the list that its worker will empty."""
    if not places:
        return
    try:
        pipeline = redis.pipeline(transaction=True)
        for tenant_id, job_id in places:
            pipeline.set(_rung(tenant_id, job_id), 1, ex=REPEAT_RING_S)
        pipeline.rpush(WAITING, *(f"{tenant_id}:{job_id}" for tenant_id, job_id in places))
        pipeline.set(RINGING, 1, nx=True, px=RINGING_MS)
        if (await pipeline.execute())[-1]:
            ring_id = f"{places[0][1]}-{secrets.token_hex(4)}"
            pipeline.sadd("rq:queues", f"rq:queue:{QUEUE}")
            pipeline.hset(f"rq:job:{ring_id}", mapping=rq_job(*places[0]))
            pipeline.rpush(f"rq:queue:{QUEUE}", ring_id)
            await pipeline.execute()
    except Exception as error:
        log.warning("ring for %d jobs lost: %r", len(places), error)


async def ring_again(redis: Redis, tenant_id: UUID, job_id: UUID) -> bool:
    """Ring for a job that should have been taken by now, but not more often than every REPEAT_RING_S."""
    if not await redis.set(_rung(tenant_id, job_id), 1, nx=True, ex=REPEAT_RING_S):
        return False
    await ring(redis, tenant_id, job_id)
    return True


def _rung(tenant_id: UUID, job_id: UUID) -> str:
    return f"rung:{tenant_id}:{job_id}"


def rq_job(tenant_id: UUID, job_id: UUID) -> Mapping[Any, Any]:
    """The hash RQ keeps for a queued job. No retry, no callback, no result: the row in PostgreSQL has all of that."""
    moment = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "created_at": moment,
        "enqueued_at": moment,
        "data": zlib.compress(json.dumps([ENTRY, None, [str(tenant_id), str(job_id)], {}]).encode()),
        "origin": QUEUE,
        "status": "queued",
        "description": "",
        "timeout": 3600,
        "result_ttl": 0,
        "failure_ttl": 3600,
    }


async def due_jobs(db: Database, limit: int = 500) -> list[tuple[UUID, UUID]]:
    """(tenant, job) of jobs that are due, or whose worker has stopped renewing its lease."""
    now = clock.now()
    due = or_(and_(jobs.c.status == "pending", jobs.c.due_at <= now), and_(jobs.c.status == "running", jobs.c.lease_until <= now))
    async with db.sweep() as conn:
        rows = await conn.execute(select(jobs.c.tenant_id, jobs.c.id).where(due).order_by(jobs.c.due_at).limit(limit))
        return [(row.tenant_id, row.id) for row in rows]


async def run_job(resources: Resources, tenant_id: UUID, job_id: UUID) -> str:
    """Do one job if it is there, due and nobody else's. Says how it ended: done, retry, dead or skipped."""
    claimed = await claim_job(resources.db, tenant_id, job_id)
    if claimed is None:
        return "skipped"
    known = registry.get(claimed.name)
    if known is None:
        return await end_job(resources.db, claimed, "dead", f"no such job: {claimed.name}")
    if claimed.attempts > known.tries:
        return await end_job(resources.db, claimed, "dead", f"the worker died {known.tries} times while doing it")
    try:
        inspect.signature(known.function).bind(None, **claimed.args)
    except TypeError as error:
        return await end_job(resources.db, claimed, "dead", f"bad arguments: {error}")
    return await _perform(resources, known, claimed)


async def _perform(resources: Resources, known: Job, claimed: Claimed) -> str:
    work = Work(claimed.tenant_id, claimed.id, claimed.attempts, resources)
    doing = asyncio.ensure_future(known.function(work, **claimed.args))
    renewing = asyncio.create_task(_renew(resources.db, claimed, doing))
    try:
        async with asyncio.timeout(known.timeout_s):
            await doing
    except GiveUp as reason:
        return await end_job(resources.db, claimed, "dead", str(reason))
    except asyncio.CancelledError:
        if doing.cancelled() and not asked_to_stop():
            return "skipped"  # somebody else has the lease now
        await asyncio.shield(end_job(resources.db, claimed, "pending", "the worker was stopped"))
        raise
    except Exception as error:
        reason_text = f"took longer than {known.timeout_s:g} s" if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
        log.warning("job %s %s failed, try %d of %d: %s", claimed.name, claimed.id, claimed.attempts, known.tries, reason_text)
        if isinstance(error, _FROM_THE_DATABASE) and is_away(error):
            return await end_job(resources.db, claimed, "pending", reason_text, tries_back=1)
        status = "dead" if claimed.attempts >= known.tries else "pending"
        return await end_job(resources.db, claimed, status, reason_text)
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
    return await end_job(resources.db, claimed, "done", None)


async def _renew(db: Database, claimed: Claimed, doing: asyncio.Future[None]) -> None:
    """Keep the lease while the job runs; stop the job when the lease went to somebody else."""
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 3)
        if not await renew_job(db, claimed):
            doing.cancel()
            return


async def waiting_jobs(conn: AsyncConnection, tenant_id: UUID) -> Mapping[str, int]:
    """How many jobs of the tenant there are by status."""
    rows = await conn.execute(select(jobs.c.status, func.count()).where(jobs.c.tenant_id == tenant_id).group_by(jobs.c.status))
    return {row[0]: row[1] for row in rows}


def _is(tenant_id: UUID, job_id: UUID) -> tuple[Any, Any]:
    return jobs.c.tenant_id == tenant_id, jobs.c.id == job_id
