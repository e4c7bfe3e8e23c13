"""Events that a reader could not use: put aside with the reason, tried again, replayed or dropped.

What does not fit its type waits for a person. What a reader failed on is tried again by itself after 10 s, 1 minute and 10 minutes; it
then comes to the reader out of its order.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.catalogue import BadEvent
from server.events.logged import Logged, logged
from server.events.reader import Later, Reader, reader_called
from server.events.tables import bad_events
from server.kit import clock
from server.kit.db import is_away
from server.kit.jobs import Resources, enqueue
from server.kit.tables import events

REPLAY_JOB = "events.replay"
PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))

log = logging.getLogger(__name__)


async def put_aside(conn: AsyncConnection, reader: str, tenant_id: UUID, event_id: int, type: str, reason: str, *, again: bool) -> None:
    """Keep an event that the reader could not use; `again`: it is tried again by itself."""
    log.warning("event %d put aside by reader %s: %s", event_id, reader, reason)
    status = "pending" if again else "dead"
    row = {"tenant_id": tenant_id, "reader": reader, "event_id": event_id, "type": type, "reason": reason[:1_000], "status": status}
    new = await conn.execute(insert(bad_events).values(row).on_conflict_do_nothing())
    if again and new.rowcount:
        await _enqueue(conn, tenant_id, reader, event_id, PAUSES[0])


async def try_again(conn: AsyncConnection, tenant_id: UUID, bad_id: UUID) -> UUID | None:
    """Somebody wants a dead one tried once more, now; the id of the job, None when it is not dead (any more)."""
    again = update(bad_events).where(*_dead(tenant_id, bad_id)).values(status="pending", attempts=len(PAUSES))
    row = (await conn.execute(again.returning(bad_events.c.reader, bad_events.c.event_id))).first()
    return None if row is None else await _enqueue(conn, tenant_id, row.reader, row.event_id, timedelta())


async def drop(conn: AsyncConnection, tenant_id: UUID, bad_id: UUID) -> int:
    """Give a dead one up for good; how many there were. The row stays with its reason."""
    return int((await conn.execute(update(bad_events).where(*_dead(tenant_id, bad_id)).values(status="dropped"))).rowcount)


async def replay(resources: Resources, tenant_id: UUID, reader: str, event_id: int) -> None:
    """Give an event that was put aside to its reader again. What went well is forgotten; what fails again waits, or is dead."""
    db = resources.db
    try:
        async with db.tenant(tenant_id) as conn:
            if (event := await _pending(conn, tenant_id, reader, event_id)) is not None:
                await _known(resources, reader).read(conn, tenant_id, [event])
                await conn.execute(delete(bad_events).where(*_is(tenant_id, reader, event_id)))
    except Exception as error:
        if is_away(error) or isinstance(error, Later):
            raise
        async with db.tenant(tenant_id) as conn:
            await _failed_again(conn, tenant_id, reader, event_id, failure(error, reader))


def failure(error: Exception, reader: str) -> str:
    """The reason that is kept: never what the error says, which may hold what customers wrote."""
    return str(error) if isinstance(error, BadEvent) else f"{type(error).__name__} in the reader {reader}"


async def _pending(conn: AsyncConnection, tenant_id: UUID, reader: str, event_id: int) -> Logged | None:
    waiting = select(bad_events.c.event_id).where(*_is(tenant_id, reader, event_id), bad_events.c.status == "pending").with_for_update()
    if (await conn.execute(waiting)).first() is None:
        return None
    row = (await conn.execute(select(events).where(events.c.tenant_id == tenant_id, events.c.id == event_id))).first()
    if row is None:
        raise BadEvent("The event is not in the log any more.")
    return logged(row)


def _known(resources: Resources, name: str) -> Reader:
    reader = reader_called(name, resources)
    if reader is None:
        raise BadEvent(f"This server has no reader called {name}.")
    return reader


async def _failed_again(conn: AsyncConnection, tenant_id: UUID, reader: str, event_id: int, reason: str) -> None:
    one = (*_is(tenant_id, reader, event_id), bad_events.c.status == "pending")
    tried = (bad_events.c.attempts + 1).label("tried")
    attempts = await conn.scalar(select(tried).where(*one).with_for_update())
    if attempts is None:
        return
    over = attempts > len(PAUSES)
    values: dict[str, Any] = {"attempts": attempts, "reason": reason[:1_000], "status": "dead" if over else "pending", "at": clock.now()}
    await conn.execute(update(bad_events).where(*one).values(values))
    if not over:
        await _enqueue(conn, tenant_id, reader, event_id, PAUSES[attempts - 1])


async def _enqueue(conn: AsyncConnection, tenant_id: UUID, reader: str, event_id: int, pause: timedelta) -> UUID:
    return await enqueue(conn, tenant_id, REPLAY_JOB, {"reader": reader, "event_id": event_id}, clock.now() + pause)


def _dead(tenant_id: UUID, bad_id: UUID) -> Sequence[Any]:
    return bad_events.c.tenant_id == tenant_id, bad_events.c.id == bad_id, bad_events.c.status == "dead"


def _is(tenant_id: UUID, reader: str, event_id: int) -> Sequence[Any]:
    return bad_events.c.tenant_id == tenant_id, bad_events.c.reader == reader, bad_events.c.event_id == event_id
