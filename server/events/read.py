"""Reading the event log: every reader gets each event of a tenant once, in the order of transactions, in a transaction of its own.

Only as far as every older transaction has ended: an event that commits late is never stepped over. What a reader writes and how far it
has come are committed together. An event that does not fit its type is put aside in `bad_events` with the reason, and the reader goes on;
a portion that makes the reader fail is given to it in smaller and smaller pieces, so that one event costs itself only. That one is tried
again later, see `server/events/bad.py`.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.bad import failure, put_aside
from server.events.catalogue import BadEvent
from server.events.logged import Logged, logged
from server.events.reader import Later, Reader
from server.events.tables import event_readers
from server.kit import clock
from server.kit.db import Database, is_away
from server.kit.tables import events

BATCH = 1_000
LAST_ID = 2**63 - 1
SETTLED: ColumnElement[Any] = literal_column("pg_snapshot_xmin(pg_current_snapshot())")
_BEHIND = """
    select t.tenant_id from ({among}) t left join event_readers r on r.tenant_id = t.tenant_id and r.reader = :reader
    where exists (
        select from events e
        where e.tenant_id = t.tenant_id and (e.tx, e.id) > (coalesce(r.last_tx, '0'::xid8), coalesce(r.last_event_id, 0))
        and e.tx < pg_snapshot_xmin(pg_current_snapshot())
    )
"""

log = logging.getLogger(__name__)


async def read_all(db: Database, reader: Reader, tenants: Collection[UUID] | None = None) -> list[UUID]:
    """Give the reader what is new, of every tenant or of these; the tenants that had something."""
    query = _BEHIND.format(among=reader.among) + ("" if tenants is None else " and t.tenant_id = any(:tenants)")
    async with db.sweep() as conn:
        given = {"reader": reader.name} if tenants is None else {"reader": reader.name, "tenants": list(tenants)}
        behind: list[UUID] = list((await conn.execute(text(query), given)).scalars())
    left = behind
    while left:  # a portion of each in turn: one that has very many keeps nobody waiting
        left = [tenant_id for tenant_id in left if await read_portion(db, reader, tenant_id)]
    return behind


async def read_portion(db: Database, reader: Reader, tenant_id: UUID) -> int:
    """Give the reader the tenant's next events, BATCH at most; how many were gone through."""
    size = BATCH
    while size > 1:
        try:
            return await _portion(db, reader, tenant_id, size)
        except Exception as error:
            if is_away(error) or isinstance(error, Later):
                raise
            log.warning("reader %s fails on a portion of %d events: %s", reader.name, size, type(error).__name__)
        size //= 4
    return await _portion(db, reader, tenant_id, 1, alone=True)


async def _portion(db: Database, reader: Reader, tenant_id: UUID, size: int, *, alone: bool = False) -> int:
    async with db.tenant(tenant_id) as conn:
        rows = await _next(conn, reader.name, tenant_id, size)
        if not rows:
            return 0
        good = await _good(conn, reader.name, tenant_id, rows)
        if good and alone:
            await _read_alone(conn, reader, tenant_id, good[0])
        elif good:
            await reader.read(conn, tenant_id, good)
        await _note(conn, reader.name, tenant_id, rows[-1])
    return len(rows)


async def _read_alone(conn: AsyncConnection, reader: Reader, tenant_id: UUID, event: Logged) -> None:
    try:
        async with conn.begin_nested():
            await reader.read(conn, tenant_id, [event])
    except Exception as error:
        if is_away(error) or isinstance(error, Later):
            raise
        await put_aside(conn, reader.name, tenant_id, event.id, event.type, failure(error, reader.name), again=True)


async def skip_to_now(conn: AsyncConnection, reader: str, tenant_id: UUID) -> None:
    """Let the reader begin with what is not settled yet: everything older is stepped over."""
    before: ColumnElement[Any] = literal_column("(pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text::xid8")
    place = {"last_tx": before, "last_event_id": LAST_ID, "at": clock.now()}
    statement = insert(event_readers).values(tenant_id=tenant_id, reader=reader, **place)
    await conn.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "reader"], set_=place))


async def _next(conn: AsyncConnection, reader: str, tenant_id: UUID, size: int) -> list[Any]:
    await conn.execute(
        insert(event_readers)
        .values(tenant_id=tenant_id, reader=reader, last_tx=text("'0'::xid8"), last_event_id=0)
        .on_conflict_do_nothing()
    )
    place = select(event_readers.c.last_tx, event_readers.c.last_event_id).where(*_is(tenant_id, reader)).with_for_update()
    last_tx, last_id = (await conn.execute(place)).one()
    after = tuple_(literal_column(f"'{int(last_tx)}'::xid8"), literal_column(str(int(last_id))))
    query = (
        select(events)
        .where(events.c.tenant_id == tenant_id, tuple_(events.c.tx, events.c.id) > after, events.c.tx < SETTLED)
        .order_by(events.c.tx, events.c.id)
        .limit(size)
    )
    return list((await conn.execute(query)).all())


async def _good(conn: AsyncConnection, reader: str, tenant_id: UUID, rows: Sequence[Any]) -> list[Logged]:
    found = []
    for row in rows:
        try:
            found.append(logged(row))
        except BadEvent as bad:
            await put_aside(conn, reader, tenant_id, row.id, row.type, str(bad), again=False)
    return found


async def _note(conn: AsyncConnection, reader: str, tenant_id: UUID, last: Any) -> None:
    values = {"last_tx": text(f"'{int(last.tx)}'::xid8"), "last_event_id": last.id, "at": clock.now()}
    await conn.execute(event_readers.update().where(*_is(tenant_id, reader)).values(values))


def _is(tenant_id: UUID, reader: str) -> tuple[Any, Any]:
    return event_readers.c.tenant_id == tenant_id, event_readers.c.reader == reader
