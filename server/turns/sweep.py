"""Looks for what is due and was not done: whatever a lost ring or a crash left behind is taken up again here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from flow_runtime import TimerFired, input_to_json
from server.conversations.tables import conversations, inbox, outbox
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from server.turns.finish_call import OPEN
from server.turns.kinds import kinds_in_process
from server.turns.tables import calls, timers
from server.turns.take_turn import new_seed

LIMIT = 500
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
    """(tenant, conversation) whose inbox holds something that nobody has taken for a second."""
    async with db.sweep() as conn:
        rows = await conn.execute(
            select(inbox.c.tenant_id, inbox.c.conversation_id)
            .join(conversations, and_(conversations.c.tenant_id == inbox.c.tenant_id, conversations.c.id == inbox.c.conversation_id))
            .where(
                inbox.c.status == "pending",
                inbox.c.received_at <= clock.now() - LEFT_ALONE,
                or_(conversations.c.lease_until.is_(None), conversations.c.lease_until <= clock.now()),
                or_(conversations.c.listens, inbox.c.kind.not_in(WORDS)),
            )
            .distinct()
            .limit(LIMIT)
        )
        return [(row.tenant_id, row.conversation_id) for row in rows]


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
    """(tenant, conversation) that have something to be sent now, or whose sender is gone."""
    now = clock.now()
    due = or_(and_(outbox.c.status == "pending", outbox.c.due_at <= now), and_(outbox.c.status == "sending", outbox.c.lease_until <= now))
    async with db.sweep() as conn:
        rows = await conn.execute(select(outbox.c.tenant_id, outbox.c.conversation_id).where(due).distinct().limit(LIMIT))
        return [(row.tenant_id, row.conversation_id) for row in rows]


async def fire_timers(db: Database) -> Sequence[Place]:
    """Turn every due timer into an input of its conversation, once; the conversations to go on with."""
    async with db.sweep() as conn:
        rows = await conn.execute(
            select(timers.c.tenant_id, timers.c.conversation_id, timers.c.id)
            .where(timers.c.status == "waiting", timers.c.due_at <= clock.now())
            .order_by(timers.c.due_at)
            .limit(LIMIT)
        )
        due = list(rows)
    return [(row.tenant_id, row.conversation_id) for row in due if await _fire(db, row.tenant_id, row.conversation_id, row.id)]


async def _fire(db: Database, tenant_id: UUID, conversation_id: UUID, timer_id: str) -> bool:
    now = clock.now()
    async with db.tenant(tenant_id) as conn:
        fired = await conn.execute(
            update(timers)
            .where(
                timers.c.tenant_id == tenant_id,
                timers.c.conversation_id == conversation_id,
                timers.c.id == timer_id,
                timers.c.status == "waiting",
                timers.c.due_at <= now,
            )
            .values(status="fired")
        )
        if fired.rowcount == 0:
            return False
        channel = select(conversations.c.channel_id).where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
        await conn.execute(
            insert(inbox)
            .values(
                tenant_id=tenant_id,
                id=uuid7(),
                conversation_id=conversation_id,
                channel_id=channel.scalar_subquery(),
                external_id=f"timer:{timer_id}",
                input=input_to_json(TimerFired(timer_id=timer_id, at=now, seed=new_seed())),
                received_at=now,
            )
            .on_conflict_do_nothing()
        )
    return True
