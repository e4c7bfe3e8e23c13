"""The lease of a job: taken by one worker at a time, kept while it works, ended with how it went; those of many jobs in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import update

from server.kit import clock
from server.kit.db import Database
from server.kit.hot import DRIVEN_BY_ROWS, SCOPE, together
from server.kit.tables import jobs

LEASE = timedelta(seconds=30)

CLAIM_JOBS = f"""
with {SCOPE},
k as materialized (select r.id from scope cross join unnest($2::uuid[]) as r(id))
merge into jobs j using k on j.tenant_id = $1 and j.id = k.id
when matched and ((j.status = 'pending' and j.due_at <= $3) or (j.status = 'running' and j.lease_until <= $3)) then update
set status = 'running', attempts = j.attempts + 1, lease_no = j.lease_no + 1, lease_until = $3 + $4::interval
{DRIVEN_BY_ROWS}
returning j.id, j.name, j.args::text as args, j.attempts, j.lease_no"""

END_JOBS = f"""
with {SCOPE},
k as materialized (
    select r.* from scope cross join unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int[])
        as r(id, lease_no, status, error, due_at, finished_at, tries_back)
)
merge into jobs j using k on j.tenant_id = $1 and j.id = k.id
when matched and j.lease_no = k.lease_no then update
set status = k.status, error = k.error, attempts = j.attempts - k.tries_back,
    lease_until = null, due_at = coalesce(k.due_at, j.due_at), finished_at = k.finished_at
{DRIVEN_BY_ROWS}"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job whose lease is ours."""

    tenant_id: UUID
    id: UUID
    name: str
    args: dict[str, Any]
    attempts: int
    lease_no: int


@dataclass(frozen=True, slots=True)
class _End:
    claimed: Claimed
    status: str
    error: str | None
    due_at: datetime | None
    finished_at: datetime | None
    tries_back: int


async def claim_job(db: Database, tenant_id: UUID, job_id: UUID) -> Claimed | None:
    """Take the lease of a job that is due and nobody's, and count the try."""
    return await together(db, _claim).do(tenant_id, job_id)


async def _claim(conn: Any, tenant_id: UUID, job_ids: Sequence[UUID]) -> list[Claimed | None]:
    rows = await conn.fetch(CLAIM_JOBS, tenant_id, list(dict.fromkeys(job_ids)), clock.now(), LEASE)
    found: dict[UUID, Claimed] = {
        row["id"]: Claimed(tenant_id, row["id"], row["name"], msgspec.json.decode(row["args"]), row["attempts"], row["lease_no"])
        for row in rows
    }
    return [found.pop(job_id, None) for job_id in job_ids]


async def renew_job(db: Database, claimed: Claimed) -> bool:
    """Keep the lease a while longer; False when it went to somebody else."""
    mine = (jobs.c.tenant_id == claimed.tenant_id, jobs.c.id == claimed.id, jobs.c.lease_no == claimed.lease_no)
    async with db.tenant(claimed.tenant_id) as conn:
        kept = await conn.execute(update(jobs).where(*mine, jobs.c.status == "running").values(lease_until=clock.now() + LEASE))
    return kept.rowcount == 1


async def end_job(db: Database, claimed: Claimed, status: str, error: str | None, *, tries_back: int = 0) -> str:
    """Say how the try ended, if the lease is still ours; "pending" is tried again after a pause, told as "retry".

    `tries_back` tries were not the job's fault and do not count.
    """
    now = clock.now()
    again = status == "pending"
    due_at = now + backoff(claimed.attempts) if again else None
    end = _End(claimed, status, error and error[:2_000], due_at, None if again else now, tries_back)
    await together(db, _end).do(claimed.tenant_id, end)
    return "retry" if again else status


async def _end(conn: Any, tenant_id: UUID, ends: Sequence[_End]) -> list[None]:
    rows = [(end.claimed.id, end.claimed.lease_no, end.status, end.error, end.due_at, end.finished_at, end.tries_back) for end in ends]
    await conn.execute(END_JOBS, tenant_id, *map(list, zip(*rows, strict=True)))
    return [None] * len(ends)


def backoff(attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th failed try: 2, 8, 32 s ... at most 10 minutes."""
    return timedelta(seconds=min(2 * 4 ** (attempts - 1), 600))
