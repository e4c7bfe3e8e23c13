"""How much waits, where and for how long, and what every channel is doing about its outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import delivery_pauses, outbox
from server.kit import clock
from server.kit.errors import not_found

# Finished rows are not counted: there is no end of them, and the partial indexes know only the others.
_CHANNELS = text("""
    select c.id, c.name, c.kind, coalesce(o.pending, 0) as pending, coalesce(o.sending, 0) as sending, coalesce(o.maybe, 0) as maybe,
           coalesce(o.dead, 0) as dead, o.oldest, p.until as paused_until, p.reason as pause_reason
    from channels c
    left join (
        select channel_id, count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'sending') as sending,
               count(*) filter (where status = 'maybe') as maybe, count(*) filter (where status = 'dead') as dead,
               min(at) filter (where status in ('pending', 'sending')) as oldest
        from (select o.channel_id, o.status, m.at from outbox o
                join messages m on m.tenant_id = o.tenant_id and m.conversation_id = o.conversation_id and m.seq = o.seq
               where o.tenant_id = :tenant_id and o.status in ('pending', 'sending')
              union all
              select channel_id, status, null from outbox where tenant_id = :tenant_id and status in ('dead', 'maybe')) rows
        group by channel_id
    ) o on o.channel_id = c.id
    left join delivery_pauses p on p.tenant_id = c.tenant_id and p.channel_id = c.id and p.until > :now
    where c.tenant_id = :tenant_id and (c.removed_at is null or o.channel_id is not null) order by c.name, c.id
""")
_QUEUES = text("""
    select 'inbox' as queue, status, count(*) as rows, min(received_at) as oldest from inbox
     where tenant_id = :tenant_id and status = 'pending' group by status
    union all
    select 'inbox', status, count(*), min(received_at) from inbox where tenant_id = :tenant_id and status = 'dead' group by status
    union all
    select 'jobs', status, count(*), min(due_at) from jobs
     where tenant_id = :tenant_id and status in ('pending', 'running') and due_at <= :now group by status
    union all
    select 'jobs', status, count(*), min(created_at) from jobs where tenant_id = :tenant_id and status = 'dead' group by status
    union all
    select 'events', status, count(*), min(at) from bad_events
     where tenant_id = :tenant_id and status in ('pending', 'dead') group by status
""")


@dataclass(frozen=True, slots=True)
class ChannelQueue:
    """What one channel has to send. `oldest` is when the longest waiting message was said."""

    id: UUID
    name: str
    kind: str
    pending: int
    sending: int
    maybe: int
    dead: int
    oldest: datetime | None
    paused_until: datetime | None
    pause_reason: str | None


@dataclass(frozen=True, slots=True)
class QueueFigure:
    """How many rows of a queue have a status, and since when the oldest waits."""

    queue: str
    status: str
    rows: int
    oldest: datetime | None


async def channel_queues(conn: AsyncConnection, tenant_id: UUID) -> Sequence[ChannelQueue]:
    """Every channel of the workspace, by name; removed ones while something of them waits."""
    rows = await conn.execute(_CHANNELS, {"tenant_id": tenant_id, "now": clock.now()})
    return [ChannelQueue(*row) for row in rows]


async def queue_figures(conn: AsyncConnection, tenant_id: UUID) -> Sequence[QueueFigure]:
    """What came in and what goes on behind the scenes: waiting, running and dead."""
    rows = await conn.execute(_QUEUES, {"tenant_id": tenant_id, "now": clock.now()})
    return [QueueFigure(*row) for row in rows]


async def lift_pause(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID) -> Sequence[UUID]:
    """Send to a paused channel again; the conversations whose messages may go now. Raises Problem 404 when it is not paused."""
    now = clock.now()
    one = (delivery_pauses.c.tenant_id == tenant_id, delivery_pauses.c.channel_id == channel_id, delivery_pauses.c.until > now)
    paused = await conn.execute(update(delivery_pauses).where(*one).values(until=now))
    if not paused.rowcount:
        raise not_found("paused channel")
    waiting = (outbox.c.tenant_id == tenant_id, outbox.c.channel_id == channel_id, outbox.c.status == "pending")
    found = await conn.scalars(update(outbox).where(*waiting).values(due_at=now, place_at=None).returning(outbox.c.conversation_id))
    return list(dict.fromkeys(found))
