"""Looks for what is due and was not done: whatever a lost ring or a crash left behind is taken up again here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select, text

from server.kit import clock
from server.kit.db import Database
from server.turns.finish_call import OPEN
from server.turns.kinds import kinds_in_process
from server.turns.tables import calls

LIMIT = 500
SHARE = 500
WORDS = ("message", "choice", "attachment")
LEFT_ALONE = timedelta(seconds=1)

Place = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class DueCall:
    """A call whose time is up (`late`), or whose performer is gone."""

    tenant_id: UUID
    id: str
    late: bool


async def waiting_conversations(db: Database) -> Sequence[Place]:
    """(tenant, conversation) whose inbox holds something that nobody has taken for a second; the longest wait first, a share per tenant."""
    lease = "(c.lease_until is null or c.lease_until <= :now) and (c.listens or r.kind <> all(:words))"
    joined = f"join conversations c on c.tenant_id = r.tenant_id and c.id = r.conversation_id and {lease}"
    now = clock.now()
    given = {"now": now, "long_ago": now - LEFT_ALONE, "words": list(WORDS)}
    return await _fairly(db, "inbox", "status = 'pending'", "r.received_at <= :long_ago", "received_at", joined, given)


async def due_calls(db: Database) -> Sequence[DueCall]:
    """Calls whose time is up, and calls made inside a process that does not renew their lease any more."""
    now = clock.now()
    late = calls.c.due_at <= now
    left = and_(calls.c.kind.in_(kinds_in_process()), calls.c.lease_until <= now)
    async with db.sweep() as conn:
        rows = await conn.execute(
            select(calls.c.tenant_id, calls.c.id, late.label("late")).where(calls.c.status.in_(OPEN), or_(late, left)).limit(LIMIT)
        )
        return [DueCall(row.tenant_id, row.id, row.late) for row in rows]


async def waiting_outboxes(db: Database) -> Sequence[Place]:
    """(tenant, conversation) that have something to be sent now, or whose sender is gone; the longest wait first, a share per tenant."""
    due = "(r.status = 'pending' and r.due_at <= :now or r.status = 'sending' and r.lease_until <= :now)"
    return await _fairly(db, "outbox", "status in ('pending', 'sending')", due, "due_at", "", {"now": clock.now()})


async def tenants_with_due_timers(db: Database) -> Sequence[UUID]:
    """Tenants that have timers to fire."""
    query = text((_TENANTS + _WITH_TIMERS).format(table="timers", live="status = 'waiting'"))
    async with db.sweep() as conn:
        return list(await conn.scalars(query, {"now": clock.now()}))


# Steps over an index from tenant to tenant: what it costs is the number of tenants, not of rows.
_TENANTS = """
    with recursive waiting (tenant_id) as (
        (select r.tenant_id from {table} r where r.{live} order by r.tenant_id limit 1)
        union all
        select (select r.tenant_id from {table} r where r.{live} and r.tenant_id > w.tenant_id order by r.tenant_id limit 1)
        from waiting w where w.tenant_id is not null
    )
"""
_WITH_TIMERS = """
    select w.tenant_id from waiting w
    where exists (select from {table} r where r.tenant_id = w.tenant_id and r.{live} and r.due_at <= :now)
"""
_SHARES = """
    select w.tenant_id, share.conversation_id from waiting w cross join lateral (
        select r.conversation_id from {table} r {joined}
        where r.tenant_id = w.tenant_id and r.{live} and {due} order by r.{since} limit :share
    ) share
"""


async def _fairly(db: Database, table: str, live: str, due: str, since: str, joined: str, given: Mapping[str, object]) -> Sequence[Place]:
    """The conversations of due rows, each once, at most SHARE rows of a tenant: one that has very many leaves the others theirs."""
    query = text((_TENANTS + _SHARES).format(table=table, live=live, due=due, since=since, joined=joined))
    async with db.sweep() as conn:
        rows = await conn.execute(query, {**given, "share": SHARE})
        return list(dict.fromkeys((row.tenant_id, row.conversation_id) for row in rows))
