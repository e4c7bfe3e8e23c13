"""From an event to the webhooks that want it: a delivery row and a job for each, in the transaction that notes the event as read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.logged import Logged, told
from server.events.reader import Reader, reads
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.jobs import enqueue
from server.webhooks.tables import webhook_deliveries, webhooks

READER = "webhooks"
DELIVER_JOB = "webhooks.deliver"
KEPT = timedelta(days=30)


async def fan_out(conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
    """Deliveries of these events to every webhook that wants them, once each. What happened before a webhook was there is not told."""
    hooks = (await conn.execute(select(webhooks).where(webhooks.c.tenant_id == tenant_id, webhooks.c.enabled))).all()
    now = clock.now()
    rows = [
        _delivery(tenant_id, hook.id, event.type, told(event), max(now, hook.paused_until or now), event.id)
        for hook in hooks
        for event in found
        if event.at >= hook.created_at and (not hook.event_types or event.type in hook.event_types)
    ]
    if not rows:
        return
    new = insert(webhook_deliveries).on_conflict_do_nothing().returning(webhook_deliveries.c.id, webhook_deliveries.c.due_at)
    for delivery in (await conn.execute(new, rows)).all():
        await enqueue_attempt(conn, tenant_id, delivery.id, 1, delivery.due_at)


async def send_test(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID) -> tuple[UUID, UUID]:
    """A message that says that it is a test; the ids of its delivery and of its job."""
    now = clock.now()
    row = _delivery(tenant_id, webhook_id, "webhook.test", {"type": "webhook.test", "timestamp": now, "data": {}}, now, None)
    await conn.execute(insert(webhook_deliveries).values(row))
    return row["id"], await enqueue_attempt(conn, tenant_id, row["id"], 1, now)


async def enqueue_attempt(
    conn: AsyncConnection, tenant_id: UUID, delivery_id: UUID, attempt: int, due_at: datetime, *, placed: bool = False
) -> UUID:
    """The job that makes the attempt of this number, when it is due; `placed` when the webhook's rate has given it that moment."""
    args = {"delivery_id": str(delivery_id), "attempt": attempt} | ({"placed": True} if placed else {})
    return await enqueue(conn, tenant_id, DELIVER_JOB, args, due_at)


def _delivery(
    tenant_id: UUID, webhook_id: UUID, type: str, body: Mapping[str, Any], due_at: datetime, event_id: int | None
) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "id": uuid7(),
        "webhook_id": webhook_id,
        "event_id": event_id,
        "type": type,
        "body": body,
        "due_at": due_at,
        "created_at": clock.now(),
    }


async def forget_deliveries(db: Database) -> None:
    """Forget what was delivered, or given up, more than 30 days ago."""
    old = text("select distinct tenant_id from webhook_deliveries where status <> 'pending' and created_at < :before")
    before = clock.now() - KEPT
    async with db.sweep() as conn:
        tenants: list[UUID] = list((await conn.execute(old, {"before": before})).scalars())
    table = webhook_deliveries
    for tenant_id in tenants:
        async with db.tenant(tenant_id) as conn:
            await conn.execute(
                delete(table).where(table.c.tenant_id == tenant_id, table.c.status != "pending", table.c.created_at < before)
            )


reader = Reader(READER, fan_out, among="select distinct tenant_id from webhooks")
reads(READER, lambda resources: reader)
