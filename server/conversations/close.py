"""Closing a conversation by hand, and opening it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Function, Interval, and_, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.tables import channels
from server.conversations.queries import find_conversation
from server.conversations.tables import conversations
from server.events.record import record
from server.kit import clock
from server.kit.db import Database

PATIENCE = timedelta(days=1)


async def close_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, ended_at: datetime | None = None) -> None:
    """Put a conversation away, as over since `ended_at` or since now. A customer who writes again opens it.

    Closing a closed one changes nothing.
    """
    before = await find_conversation(conn, tenant_id, conversation_id)
    if before.status == "closed":
        return
    now = clock.now()
    if ended_at is None:
        await _tell(conn, tenant_id, before, "conversation.updated", {"change": "closed"}, now)
    ended_at = ended_at or now
    outcome = before.outcome or "abandoned"
    await conn.execute(
        update(conversations)
        .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
        .values(status="closed", outcome=outcome, ended_at=func.coalesce(conversations.c.ended_at, ended_at), updated_at=now)
    )
    if before.ended_at is None:
        await _tell(conn, tenant_id, before, "conversation.ended", {"outcome": outcome}, ended_at)


async def abandoned(db: Database, limit: int = 500) -> Sequence[tuple[UUID, UUID, datetime]]:
    """(tenant, conversation, since when) where the customer has not answered for as long as the channel waits, a day by itself."""
    now = clock.now()
    patience = func.coalesce(_minutes(channels.c.session_minutes), literal(PATIENCE))
    shortest = select(func.least(_minutes(func.min(channels.c.session_minutes)), literal(PATIENCE), type_=Interval)).scalar_subquery()
    ended_at = conversations.c.updated_at + patience
    idle = (
        conversations.c.status == "open",
        conversations.c.waiting_for == "message",
        conversations.c.is_test.is_(False),
        conversations.c.updated_at <= literal(now, DateTime(timezone=True)) - shortest,
        ended_at <= now,
    )
    place = and_(channels.c.tenant_id == conversations.c.tenant_id, channels.c.id == conversations.c.channel_id)
    query = select(conversations.c.tenant_id, conversations.c.id, ended_at.label("ended_at")).outerjoin(channels, place)
    async with db.sweep() as conn:
        rows = await conn.execute(query.where(*idle).limit(limit))
        return [(row.tenant_id, row.id, row.ended_at) for row in rows]


def _minutes(number: Any) -> Function[timedelta]:
    return func.make_interval(0, 0, 0, 0, 0, number, type_=Interval)


async def close_abandoned(db: Database) -> int:
    """Close what was abandoned; the channel says what happens when the customer comes back. Returns how many."""
    places = await abandoned(db)
    for tenant_id, conversation_id, since in places:
        async with db.tenant(tenant_id) as conn:
            await close_conversation(conn, tenant_id, conversation_id, since)
    return len(places)


async def reopen_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> None:
    """Take a closing back."""
    before = await find_conversation(conn, tenant_id, conversation_id)
    if before.status == "closed":
        status = "ended" if before.waiting_for == "ended" else "open"
        await conn.execute(
            update(conversations)
            .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
            .values(status=status, updated_at=clock.now())
        )
        await _tell(conn, tenant_id, before, "conversation.updated", {"change": "reopened"}, clock.now())


async def _tell(conn: AsyncConnection, tenant_id: UUID, conversation: Any, type: str, props: Mapping[str, Any], at: datetime) -> None:
    """Note the event, unless it is a trial conversation."""
    if not conversation.is_test:
        place = {"flow_id": conversation.flow_id, "flow_version": conversation.flow_version, "channel_id": conversation.channel_id}
        await record(conn, tenant_id, type, props, at=at, conversation_id=conversation.id, **place)
