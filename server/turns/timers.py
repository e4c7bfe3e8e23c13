"""Timers that are due become inputs of their conversations: each once, many in one transaction, and no more than the turns can follow."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import TimerFired, input_to_json
from server.conversations.tables import conversations, inbox
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from server.turns.sweep import Place, tenants_with_due_timers
from server.turns.tables import timers
from server.turns.take_turn import new_seed

AT_ONCE = 250


async def fire_timers(db: Database) -> Sequence[Place]:
    """Turn due timers into inputs, at most AT_ONCE of a tenant; the conversations to go on with, none when no timer is due."""
    fired: list[Place] = []
    for tenant_id in await tenants_with_due_timers(db):
        async with db.tenant(tenant_id) as conn:
            fired += [(tenant_id, conversation_id) for conversation_id in await _fire(conn, tenant_id)]
    return fired


async def _fire(conn: AsyncConnection, tenant_id: UUID) -> Sequence[UUID]:
    now = clock.now()
    free = (
        select(timers.c.conversation_id, timers.c.id)
        .where(timers.c.tenant_id == tenant_id, timers.c.status == "waiting", timers.c.due_at <= now)
        .order_by(timers.c.due_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    taken = (
        await conn.execute(
            update(timers)
            .where(timers.c.tenant_id == tenant_id, tuple_(timers.c.conversation_id, timers.c.id).in_(free), timers.c.status == "waiting")
            .where(conversations.c.tenant_id == timers.c.tenant_id, conversations.c.id == timers.c.conversation_id)
            .values(status="fired")
            .returning(timers.c.conversation_id, timers.c.id, conversations.c.channel_id)
        )
    ).all()
    if taken:
        rows = [
            {
                "tenant_id": tenant_id,
                "id": uuid7(),
                "conversation_id": row.conversation_id,
                "channel_id": row.channel_id,
                "external_id": f"timer:{row.id}",
                "input": input_to_json(TimerFired(timer_id=row.id, at=now, seed=new_seed())),
                "received_at": now,
            }
            for row in taken
        ]
        await conn.execute(insert(inbox).values(rows).on_conflict_do_nothing())
    return list(dict.fromkeys(row.conversation_id for row in taken))
