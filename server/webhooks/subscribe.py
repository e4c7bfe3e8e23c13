"""Opens webhooks, changes them, gives them new secrets, takes them away."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.catalogue import catalogue
from server.events.read import skip_to_now
from server.events.record import record
from server.kit import clock
from server.kit.errors import Problem, not_found
from server.kit.http import OutboundClient, OutboundRefused
from server.kit.ids import uuid7
from server.kit.secrets import Vault
from server.webhooks.fan_out import READER
from server.webhooks.queries import find_webhook
from server.webhooks.schemas import NewWebhook
from server.webhooks.tables import webhooks

MOST = 50
MOST_PER_SECOND = 1_000
OLD_SECRET_FOR = timedelta(hours=24)
SECRET_PLACE = ("webhooks", "secret_sealed")


def problems_of(new: NewWebhook, http: OutboundClient) -> dict[str, str]:
    """What is wrong with a webhook somebody wants, by field."""
    problems: dict[str, str] = {}
    if not new.name.strip() or not new.name.isprintable():
        problems["name"] = "Give it a name that can be shown, such as the system that is told."
    if unknown := sorted(set(new.event_types) - set(catalogue())):
        problems["event_types"] = f"There is no event called {', '.join(unknown)}."
    if new.per_second is not None and not 1 <= new.per_second <= MOST_PER_SECOND:
        problems["per_second"] = f"Enter a whole number from 1 to {MOST_PER_SECOND}, or nothing for as many as there are."
    try:
        http.check(new.url.strip())
    except OutboundRefused as refused:
        problems["url"] = str(refused)
    return problems


async def open_webhook(conn: AsyncConnection, vault: Vault, http: OutboundClient, tenant_id: UUID, new: NewWebhook) -> tuple[UUID, str]:
    """Store a webhook: its id, and its secret, which is not shown again. It is told of what happens from now on."""
    _refuse(problems_of(new, http))
    count = await conn.scalar(select(func.count()).where(webhooks.c.tenant_id == tenant_id)) or 0
    if count >= MOST:
        raise Problem(422, "too_many_webhooks", f"A workspace has up to {MOST} webhooks. Remove one that is not used.")
    if count == 0:
        await skip_to_now(conn, READER, tenant_id)
    webhook_id, secret = uuid7(), new_secret()
    sealed = await vault.seal(conn, tenant_id, *SECRET_PLACE, webhook_id, secret)
    values = {"tenant_id": tenant_id, "id": webhook_id, "secret_sealed": sealed, "created_at": clock.now(), **_wanted(new)}
    await conn.execute(insert(webhooks).values(values))
    return webhook_id, secret


async def change_webhook(conn: AsyncConnection, http: OutboundClient, tenant_id: UUID, webhook_id: UUID, new: NewWebhook) -> None:
    """Another name, address or choice of events."""
    await find_webhook(conn, tenant_id, webhook_id)
    _refuse(problems_of(new, http))
    await conn.execute(update(webhooks).where(*_is(tenant_id, webhook_id)).values(_wanted(new)))


async def switch_webhook(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID, enabled: bool) -> None:
    """On: it is told of what happens from now on. Off: what is on its way is given up when its turn comes."""
    row = await find_webhook(conn, tenant_id, webhook_id)
    await conn.execute(update(webhooks).where(*_is(tenant_id, webhook_id)).values(enabled=enabled, trouble=None, paused_until=None))
    if enabled and row.trouble is not None:
        again = {"part": "webhook", "part_id": str(webhook_id), "status": "working", "reason": "Somebody switched it on again."}
        await record(conn, tenant_id, "health.changed", again)


async def renew_secret(conn: AsyncConnection, vault: Vault, tenant_id: UUID, webhook_id: UUID) -> str:
    """A new secret, not shown again. For 24 hours messages are signed with the old one, too, so that the other side can change over."""
    row = await find_webhook(conn, tenant_id, webhook_id)
    secret = new_secret()
    sealed = await vault.seal(conn, tenant_id, *SECRET_PLACE, webhook_id, secret)
    values = {"secret_sealed": sealed, "old_secret_sealed": row.secret_sealed, "old_secret_until": clock.now() + OLD_SECRET_FOR}
    await conn.execute(update(webhooks).where(*_is(tenant_id, webhook_id)).values(values))
    rotation = {"part": "webhook", "part_id": str(webhook_id), "names": ["secret"]}
    await record(conn, tenant_id, "security.secret_rotated", rotation)
    return secret


async def secrets_of(conn: AsyncConnection, vault: Vault, row: Any) -> Sequence[str]:
    """The secrets a webhook's messages are signed with now, the newest first."""
    sealed = [row.secret_sealed]
    if row.old_secret_until is not None and row.old_secret_until > clock.now():
        sealed.append(row.old_secret_sealed)
    return [await vault.unseal(conn, row.tenant_id, *SECRET_PLACE, row.id, one) for one in sealed]


async def remove_webhook(conn: AsyncConnection, tenant_id: UUID, webhook_id: UUID) -> None:
    """Forget a webhook with all of its deliveries."""
    gone = await conn.execute(delete(webhooks).where(*_is(tenant_id, webhook_id)))
    if gone.rowcount == 0:
        raise not_found("webhook")


def new_secret() -> str:
    """A secret as Standard Webhooks wants it: `whsec_` and 24 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def _refuse(problems: dict[str, str]) -> None:
    if problems:
        raise Problem(422, "invalid_webhook", "The webhook was not saved. Correct the marked fields.", fields=problems)


def _wanted(new: NewWebhook) -> dict[str, Any]:
    return {
        "name": new.name.strip(),
        "url": new.url.strip(),
        "event_types": sorted(set(new.event_types)),
        "per_second": new.per_second,
    }


def _is(tenant_id: UUID, webhook_id: UUID) -> tuple[Any, Any]:
    return webhooks.c.tenant_id == tenant_id, webhooks.c.id == webhook_id
