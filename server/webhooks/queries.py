"""Reads webhooks, their deliveries and attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import Problem, not_found
from server.webhooks.tables import webhook_attempts, webhook_deliveries, webhooks

PAGE = 50
STATUSES = ("pending", "done", "dead")


async def list_webhooks(conn: AsyncConnection, tenant_id: UUID) -> Sequence[Row[Any]]:
    """All webhooks, the oldest first."""
    return (
        await conn.execute(select(webhooks).where(webhooks.c.tenant_id == tenant_id).order_by(webhooks.c.created_at, webhooks.c.id))
    ).all()


async def find_webhook(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID) -> Row[Any]:
    """A webhook; raises Problem 404."""
    row = (await conn.execute(select(webhooks).where(webhooks.c.tenant_id == tenant_id, webhooks.c.id == webhook_id))).first()
    if row is None:
        raise not_found("webhook")
    return row


async def list_deliveries(
    conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID, *, status: str | None = None, limit: int = PAGE, cursor: str | None = None
) -> tuple[Sequence[Row[Any]], str | None]:
    """Deliveries of a webhook, the newest first, and the cursor of the next page. Raises Problem 422 for an unknown status."""
    if status is not None and status not in STATUSES:
        raise Problem(422, "bad_status", f"Choose one of {', '.join(STATUSES)}.", fields={"status": "unknown"})
    table = webhook_deliveries
    query = select(table).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id)
    if status is not None:
        query = query.where(table.c.status == status)
    if cursor is not None:
        at, last = read_cursor(cursor, tuple[datetime, UUID])
        query = query.where(tuple_(table.c.created_at, table.c.id) < (at, last))
    rows = (await conn.execute(query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1))).all()
    found = rows[:limit]
    return found, write_cursor(found[-1].created_at, found[-1].id) if len(rows) > limit else None


async def find_delivery(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID, delivery_id: UUID) -> Row[Any]:
    """A delivery of a webhook; raises Problem 404."""
    table = webhook_deliveries
    wanted = select(table).where(table.c.tenant_id == tenant_id, table.c.webhook_id == webhook_id, table.c.id == delivery_id)
    row = (await conn.execute(wanted)).first()
    if row is None:
        raise not_found("delivery")
    return row


async def list_attempts(conn: AsyncConnection, tenant_id: UUID, delivery_id: UUID) -> Sequence[Any]:
    """The attempts of a delivery, in order."""
    table = webhook_attempts
    columns = (table.c.attempt, table.c.at, table.c.ms, table.c.status, table.c.error, table.c.answer)
    wanted = select(*columns).where(table.c.tenant_id == tenant_id, table.c.delivery_id == delivery_id).order_by(table.c.attempt)
    return (await conn.execute(wanted)).all()
