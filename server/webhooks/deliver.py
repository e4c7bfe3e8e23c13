"""One attempt to tell a webhook of an event: signed, timed, noted; the next one planned when it fails.

Standard Webhooks: the same `webhook-id` however often, one signature per secret that counts, ten attempts over three days and four hours.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.webhook.adapter import signature
from server.events.record import record
from server.kit import clock
from server.kit.db import Database
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused
from server.kit.jobs import Resources
from server.webhooks.fan_out import enqueue_attempt
from server.webhooks.limits import SOON_S, place_s, under_way
from server.webhooks.queries import find_delivery
from server.webhooks.subscribe import secrets_of
from server.webhooks.tables import webhook_attempts, webhook_deliveries, webhooks

TIMEOUT_S = 15.0
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
HELD_BACK = timedelta(minutes=5)
ANSWER_KEPT = 500
GONE = 410


@dataclass(frozen=True, slots=True)
class Told:
    """How an attempt went: the answer's status, or why there was none."""

    at: datetime
    ms: int
    status: int | None = None
    error: str | None = None
    answer: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the other side has taken it."""
        return self.status is not None and 200 <= self.status < 300


async def attempt_delivery(resources: Resources, tenant_id: UUID, delivery_id: UUID, attempt: int, *, placed: bool = False) -> None:
    """Make the attempt of this number, unless it was made already, the webhook is held back, or it has to wait its turn.

    `placed`: the webhook's rate has given it this moment.
    """
    async with resources.db.tenant(tenant_id) as conn:
        waiting = await _waiting(conn, tenant_id, delivery_id, attempt)
        if waiting is None:
            return None
        keys = await secrets_of(conn, resources.vault, waiting.hook)
    hook = waiting.hook
    if not placed and hook.per_second is not None:
        wait_s, placed = await place_s(resources.redis, tenant_id, hook.id, hook.per_second)
        if wait_s > SOON_S:
            return await _put_off(resources.db, tenant_id, delivery_id, attempt, wait_s, placed)
    with under_way(tenant_id, hook.id) as full_s:
        if full_s:
            return await _put_off(resources.db, tenant_id, delivery_id, attempt, full_s, placed)
        told = await _tell(resources.http, hook.url, keys, waiting.delivery)
    async with resources.db.tenant(tenant_id) as conn:
        return await _note(conn, waiting, attempt, told)


async def send_again(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID, delivery_id: UUID) -> UUID:
    """Try a delivery now, however it ended; the id of its job. It keeps its `webhook-id`, by which the other side knows it."""
    row = await find_delivery(conn, tenant_id, webhook_id, delivery_id)
    now = clock.now()
    await conn.execute(
        update(webhook_deliveries).where(*_is(tenant_id, delivery_id)).values(status="pending", due_at=now, finished_at=None)
    )
    return await enqueue_attempt(conn, tenant_id, delivery_id, row.attempts + 1, now)


@dataclass(frozen=True, slots=True)
class _Waiting:
    delivery: Any
    hook: Any


async def _waiting(conn: AsyncConnection, tenant_id: UUID, delivery_id: UUID, attempt: int) -> _Waiting | None:
    delivery = (await conn.execute(select(webhook_deliveries).where(*_is(tenant_id, delivery_id)).with_for_update())).first()
    if delivery is None or delivery.status != "pending" or delivery.attempts != attempt - 1:
        return None
    hook = (await conn.execute(select(webhooks).where(*_hook(tenant_id, delivery.webhook_id)))).one()
    if not hook.enabled and delivery.event_id is not None:
        await _end(conn, tenant_id, delivery_id, "dead")
        return None
    if attempt == 1 and hook.paused_until is not None and hook.paused_until > clock.now():
        await conn.execute(update(webhook_deliveries).where(*_is(tenant_id, delivery_id)).values(due_at=hook.paused_until))
        await enqueue_attempt(conn, tenant_id, delivery_id, attempt, hook.paused_until)
        return None
    return _Waiting(delivery, hook)


async def _put_off(db: Database, tenant_id: UUID, delivery_id: UUID, attempt: int, seconds: float, placed: bool) -> None:
    """Try it later; it counts as no attempt."""
    due_at = clock.now() + timedelta(seconds=seconds)
    async with db.tenant(tenant_id) as conn:
        ours = (*_is(tenant_id, delivery_id), webhook_deliveries.c.attempts == attempt - 1)
        if (await conn.execute(update(webhook_deliveries).where(*ours).values(due_at=due_at))).rowcount:
            await enqueue_attempt(conn, tenant_id, delivery_id, attempt, due_at, placed=placed)


async def _tell(http: OutboundClient, url: str, keys: Any, delivery: Any) -> Told:
    body = msgspec.json.encode(delivery.body)
    at, began = clock.now(), time.monotonic()
    timestamp = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": str(delivery.id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(key, str(delivery.id), timestamp, body) for key in keys),
    }
    try:
        answer = await http.request("POST", url, headers=headers, body=body, timeout_s=TIMEOUT_S, max_bytes=64_000)
    except (OutboundRefused, OutboundFailed) as failed:
        return Told(at, _ms_since(began), error=str(failed))
    text = answer.body[:ANSWER_KEPT].decode("utf-8", "replace").replace("\0", "")
    return Told(at, _ms_since(began), status=answer.status, answer=text)


async def _note(conn: AsyncConnection, waiting: _Waiting, attempt: int, told: Told) -> None:
    """Write down how it went, and what follows; only the first to tell of an attempt counts."""
    delivery, hook = waiting.delivery, waiting.hook
    tenant_id = delivery.tenant_id
    ours = (*_is(tenant_id, delivery.id), webhook_deliveries.c.attempts == attempt - 1)
    counted = await conn.execute(update(webhook_deliveries).where(*ours).values(attempts=attempt))
    if counted.rowcount == 0:
        return
    row = {"at": told.at, "ms": told.ms, "status": told.status, "error": told.error, "answer": told.answer}
    await conn.execute(insert(webhook_attempts).values(tenant_id=tenant_id, delivery_id=delivery.id, attempt=attempt, **row))
    if told.ok:
        await _end(conn, tenant_id, delivery.id, "done")
        if hook.paused_until is not None:
            await conn.execute(update(webhooks).where(*_hook(tenant_id, hook.id)).values(paused_until=None))
    elif told.status == GONE:
        await _end(conn, tenant_id, delivery.id, "dead")
        await _switch_off(conn, hook, "The other side answered 410: the address is gone for good.")
    elif attempt > len(PAUSES):
        await _end(conn, tenant_id, delivery.id, "dead")
        await _switch_off(conn, hook, "The other side took nothing for three days.")
    else:
        due_at = clock.now() + PAUSES[attempt - 1]
        await conn.execute(update(webhook_deliveries).where(*_is(tenant_id, delivery.id)).values(due_at=due_at))
        held = min(due_at, clock.now() + HELD_BACK)
        await conn.execute(update(webhooks).where(*_hook(tenant_id, hook.id)).values(paused_until=held))
        await enqueue_attempt(conn, tenant_id, delivery.id, attempt + 1, due_at)


async def _switch_off(conn: AsyncConnection, hook: Any, trouble: str) -> None:
    off = update(webhooks).where(*_hook(hook.tenant_id, hook.id), webhooks.c.enabled).values(enabled=False, trouble=trouble)
    if (await conn.execute(off)).rowcount:
        props = {"part": "webhook", "part_id": str(hook.id), "status": "failing", "reason": trouble}
        await record(conn, hook.tenant_id, "health.changed", props)


async def _end(conn: AsyncConnection, tenant_id: UUID, delivery_id: UUID, status: str) -> None:
    values = {"status": status, "finished_at": clock.now()}
    await conn.execute(update(webhook_deliveries).where(*_is(tenant_id, delivery_id)).values(values))


def _is(tenant_id: UUID, delivery_id: UUID) -> tuple[Any, Any]:
    return webhook_deliveries.c.tenant_id == tenant_id, webhook_deliveries.c.id == delivery_id


def _hook(tenant_id: UUID, webhook_id: UUID) -> tuple[Any, Any]:
    return webhooks.c.tenant_id == tenant_id, webhooks.c.id == webhook_id


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
