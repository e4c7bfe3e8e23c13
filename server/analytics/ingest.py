"""Rolls the event log up into windows and into the words that can be searched for, each event exactly once.

The log is read in the order of transactions, and only as far as every older transaction has ended:
an event that commits late is never stepped over.
"""

from collections import Counter
from dataclasses import asdict, astuple
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics.tables import conversation_intents, intent_windows, rollups, windows
from server.analytics.windows import Event, Window, WindowKey, recognised, roll, window_of
from server.conversations.search import index_messages
from server.conversations.tables import conversations
from server.kit.clock import now
from server.kit.db import Database
from server.kit.live import Live
from server.kit.tables import events

BATCH = 5_000
TOPIC = "windows"
_BEHIND = text("""
    select t.tenant_id from tenants t left join rollups r using (tenant_id)
    where exists (
        select from events e
        where e.tenant_id = t.tenant_id and (e.tx, e.id) > (coalesce(r.last_tx, '0'::xid8), coalesce(r.last_event_id, 0))
        and e.tx < pg_snapshot_xmin(pg_current_snapshot())
    )
""")
_SAID = frozenset(("message.received", "message.sent"))
_ADDED = [c.name for c in windows.columns if c.name not in {*windows.primary_key.columns.keys(), "turn_ms"}]


async def roll_up_all(db: Database, live: Live) -> int:
    """Roll up every tenant that has new events and tell its open dashboards; returns the number of events."""
    async with db.sweep() as connection:
        behind: list[UUID] = list((await connection.execute(_BEHIND)).scalars())
    total = 0
    for tenant_id in behind:
        while count := await roll_up(db, tenant_id):
            total += count
        await live.publish(tenant_id, TOPIC, {})
    return total


async def roll_up(db: Database, tenant_id: UUID) -> int:
    """Roll up the tenant's next portion of events (BATCH at most); returns how many they were."""
    async with db.tenant(tenant_id) as connection:
        await connection.execute(
            insert(rollups).values(tenant_id=tenant_id, last_tx=text("'0'::xid8"), last_event_id=0, at=now()).on_conflict_do_nothing()
        )
        rows = await _next_events(connection, tenant_id)
        if not rows:
            return 0
        new = [
            Event(r.type, r.at, r.flow_id, r.flow_version, r.channel_id, r.props, r.conversation_id)
            for r in rows
            if r.flow_id and r.channel_id
        ]
        await _add_windows(connection, tenant_id, roll(new))
        await _add_intents(connection, tenant_id, recognised(new))
        said = [(r.conversation_id, r.props["seq"]) for r in rows if r.type in _SAID and r.conversation_id and "seq" in r.props]
        await index_messages(connection, tenant_id, said)
        last = rows[-1]
        await connection.execute(
            rollups.update()
            .where(rollups.c.tenant_id == tenant_id)
            .values(last_tx=text(f"'{int(last.tx)}'::xid8"), last_event_id=last.id, at=now())
        )
        return len(rows)


async def _next_events(connection: AsyncConnection, tenant_id: UUID) -> list[Any]:
    done = select(rollups.c.last_tx, rollups.c.last_event_id).where(rollups.c.tenant_id == tenant_id).with_for_update()
    last_tx, last_id = (await connection.execute(done)).one()
    place = tuple_(literal_column(f"'{int(last_tx)}'::xid8"), literal_column(str(int(last_id))))
    query = (
        select(
            events.c.id,
            events.c.tx,
            events.c.type,
            events.c.at,
            events.c.flow_id,
            events.c.flow_version,
            events.c.channel_id,
            events.c.props,
            events.c.conversation_id,
        )
        .where(events.c.tenant_id == tenant_id, tuple_(events.c.tx, events.c.id) > place)
        .where(events.c.tx < literal_column("pg_snapshot_xmin(pg_current_snapshot())"))
        .order_by(events.c.tx, events.c.id)
        .limit(BATCH)
    )
    return list((await connection.execute(query)).all())


async def _add_windows(connection: AsyncConnection, tenant_id: UUID, counted: dict[WindowKey, Window]) -> None:
    if not counted:
        return
    statement = insert(windows)
    merged: dict[str, Any] = {name: windows.c[name] + statement.excluded[name] for name in _ADDED}
    merged["turn_ms"] = literal_column(
        "(select array_agg(coalesce(a, 0) + coalesce(b, 0) order by n)"
        " from unnest(windows.turn_ms, excluded.turn_ms) with ordinality as bins(a, b, n))"
    )
    rows = [
        {"tenant_id": tenant_id, **asdict(key), **asdict(window)}
        for key, window in sorted(counted.items(), key=lambda item: astuple(item[0]))
    ]
    await connection.execute(statement.on_conflict_do_update(index_elements=list(windows.primary_key.columns), set_=merged), rows)


async def _add_intents(connection: AsyncConnection, tenant_id: UUID, seen: dict[tuple[UUID, str], Event]) -> None:
    """Note which conversations showed an intent for the first time, and count those."""
    there = await _existing(connection, tenant_id, {conversation_id for conversation_id, _ in seen})
    noted = [
        {"tenant_id": tenant_id, "conversation_id": conversation_id, "intent": intent, "first_at": event.at}
        for (conversation_id, intent), event in seen.items()
        if conversation_id in there
    ]
    if not noted:
        return
    key = (conversation_intents.c.conversation_id, conversation_intents.c.intent)
    first = (await connection.execute(insert(conversation_intents).values(noted).on_conflict_do_nothing().returning(*key))).all()
    counted = Counter((window_of(seen[row.conversation_id, row.intent]), row.intent) for row in first)
    if not counted:
        return
    rows = [
        {"tenant_id": tenant_id, **asdict(window), "intent": intent, "conversations": number}
        for (window, intent), number in sorted(counted.items(), key=lambda item: (astuple(item[0][0]), item[0][1]))
    ]
    statement = insert(intent_windows)
    keys = list(intent_windows.primary_key.columns)
    merged = {"conversations": intent_windows.c.conversations + statement.excluded["conversations"]}
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=merged), rows)


async def _existing(connection: AsyncConnection, tenant_id: UUID, ids: set[UUID]) -> set[UUID]:
    """Those of the conversations that have not been deleted since."""
    if not ids:
        return set()
    query = select(conversations.c.id).where(conversations.c.tenant_id == tenant_id, conversations.c.id.in_(ids))
    return set((await connection.execute(query)).scalars())


async def events_waiting(db: Database, tenant_id: UUID) -> int:
    """How many of the tenant's events are not in a window yet."""
    async with db.tenant(tenant_id) as connection:
        done = select(rollups.c.last_tx, rollups.c.last_event_id).where(rollups.c.tenant_id == tenant_id)
        last = (await connection.execute(done)).one_or_none()
        query = select(func.count()).select_from(events).where(events.c.tenant_id == tenant_id)
        if last is not None:
            query = query.where(
                tuple_(events.c.tx, events.c.id) > tuple_(literal_column(f"'{int(last[0])}'::xid8"), literal_column(str(int(last[1]))))
            )
        return int((await connection.execute(query)).scalar_one())
