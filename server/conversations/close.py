"""Closing a conversation by hand, and opening it again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.queries import find_conversation
from server.conversations.tables import conversations
from server.kit import clock
from server.kit.db import Database
from server.kit.events import record

PATIENCE = timedelta(days=1)


async def close_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, ended_at: datetime | None = None) -> None:
    """Put a conversation away, as over since `ended_at` or since now. A customer who writes again opens it.

    Closing a closed one changes nothing.
    """
    before = await find_conversation(conn, tenant_id, conversation_id)
    if before.status == "closed":
        return
    now = clock.now()
    ended_at = ended_at or now
    outcome = before.outcome or "abandoned"
    await conn.execute(
        update(conversations)
        .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
        .values(status="closed", outcome=outcome, ended_at=func.coalesce(conversations.c.ended_at, ended_at), updated_at=now)
    )
    if before.ended_at is None and not before.is_test:
        await record(
            conn,
            tenant_id,
            "conversation.ended",
            {"outcome": outcome},
            at=ended_at,
            conversation_id=conversation_id,
            flow_id=before.flow_id,
            flow_version=before.flow_version,
            channel_id=before.channel_id,
        )


async def abandoned(db: Database, limit: int = 500) -> Sequence[tuple[UUID, UUID, datetime]]:
    """(tenant, conversation, since when) where the customer has not answered for a day."""
    idle = (
        conversations.c.status == "open",
        conversations.c.waiting_for == "message",
        conversations.c.is_test.is_(False),
        conversations.c.updated_at <= clock.now() - PATIENCE,
    )
    async with db.sweep() as conn:
        rows = await conn.execute(
            select(conversations.c.tenant_id, conversations.c.id, conversations.c.updated_at).where(*idle).limit(limit)
        )
        return [(row.tenant_id, row.id, row.updated_at + PATIENCE) for row in rows]


async def close_abandoned(db: Database) -> int:
    """Close what was abandoned; a customer who comes back goes on where they were. Returns how many."""
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
