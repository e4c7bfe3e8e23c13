"""JSON: outgoing webhooks, what they were sent and how it went."""

from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.status_codes import HTTP_202_ACCEPTED
from redis.asyncio import Redis

from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.jobs import ring
from server.kit.secrets import Vault
from server.security.identity import Identity
from server.webhooks import queries
from server.webhooks.deliver import send_again
from server.webhooks.fan_out import send_test
from server.webhooks.schemas import (
    Accepted,
    AttemptList,
    AttemptView,
    DeliveryPage,
    DeliveryView,
    NewWebhook,
    OpenedWebhook,
    Switch,
    WebhookList,
    WebhookView,
)
from server.webhooks.subscribe import change_webhook, open_webhook, remove_webhook, renew_secret, switch_webhook

READ = {"permission": "webhooks:read"}
WRITE = {"permission": "webhooks:write"}
MOST = 200
ROUTE = "/api/v1/webhooks"
ONE = f"{ROUTE}/{{webhook_id:uuid}}"
DELIVERY = f"{ONE}/deliveries/{{delivery_id:uuid}}"
TAGS = ["webhooks"]


@get(ROUTE, opt=READ, tags=TAGS)
async def list_webhooks(db: NamedDependency[Database], identity: NamedDependency[Identity]) -> WebhookList:
    """Every webhook, without its secret."""
    async with db.tenant(identity.tenant_id) as conn:
        return WebhookList([WebhookView.of(row) for row in await queries.list_webhooks(conn, identity.tenant_id)])


@post(ROUTE, opt=WRITE, tags=TAGS)
async def create_webhook(
    data: JSONBody[NewWebhook],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    identity: NamedDependency[Identity],
) -> OpenedWebhook:
    """Tell another system of events from now on. The answer holds the secret that signs them; it is not shown again."""
    async with db.tenant(identity.tenant_id) as conn:
        webhook_id, secret = await open_webhook(conn, vault, http, identity.tenant_id, data)
        return OpenedWebhook(WebhookView.of(await queries.find_webhook(conn, identity.tenant_id, webhook_id)), secret)


@get(ONE, opt=READ, tags=TAGS)
async def show_webhook(webhook_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> WebhookView:
    """One webhook."""
    async with db.tenant(identity.tenant_id) as conn:
        return WebhookView.of(await queries.find_webhook(conn, identity.tenant_id, webhook_id))


@put(ONE, opt=WRITE, tags=TAGS)
async def replace_webhook(
    webhook_id: FromPath[UUID],
    data: JSONBody[NewWebhook],
    db: NamedDependency[Database],
    http: NamedDependency[OutboundClient],
    identity: NamedDependency[Identity],
) -> WebhookView:
    """Another name, address or choice of events."""
    async with db.tenant(identity.tenant_id) as conn:
        await change_webhook(conn, http, identity.tenant_id, webhook_id, data)
        return WebhookView.of(await queries.find_webhook(conn, identity.tenant_id, webhook_id))


@put(f"{ONE}/enabled", opt=WRITE, tags=TAGS)
async def switch(
    webhook_id: FromPath[UUID], data: JSONBody[Switch], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> WebhookView:
    """Switch it on or off."""
    async with db.tenant(identity.tenant_id) as conn:
        await switch_webhook(conn, identity.tenant_id, webhook_id, data.enabled)
        return WebhookView.of(await queries.find_webhook(conn, identity.tenant_id, webhook_id))


@delete(ONE, opt=WRITE, tags=TAGS)
async def delete_webhook(webhook_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> None:
    """Forget it with all of its deliveries."""
    async with db.tenant(identity.tenant_id) as conn:
        await remove_webhook(conn, identity.tenant_id, webhook_id)


@post(f"{ONE}/secret", opt=WRITE, tags=TAGS)
async def create_secret(
    webhook_id: FromPath[UUID], db: NamedDependency[Database], vault: NamedDependency[Vault], identity: NamedDependency[Identity]
) -> OpenedWebhook:
    """A new secret. For 24 hours messages carry a signature with the old one, too."""
    async with db.tenant(identity.tenant_id) as conn:
        secret = await renew_secret(conn, vault, identity.tenant_id, webhook_id)
        return OpenedWebhook(WebhookView.of(await queries.find_webhook(conn, identity.tenant_id, webhook_id)), secret)


@post(f"{ONE}/tests", opt=WRITE, tags=TAGS, status_code=HTTP_202_ACCEPTED)
async def create_test(
    webhook_id: FromPath[UUID], db: NamedDependency[Database], redis: NamedDependency[Redis], identity: NamedDependency[Identity]
) -> Accepted:
    """Send a message of the type `webhook.test`; its delivery says how it went."""
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_webhook(conn, identity.tenant_id, webhook_id)
        delivery_id, job_id = await send_test(conn, identity.tenant_id, webhook_id)
    await ring(redis, identity.tenant_id, job_id)
    return Accepted(delivery_id)


@get(f"{ONE}/deliveries", opt=READ, tags=TAGS)
async def list_deliveries(
    webhook_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    status: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = queries.PAGE,
) -> DeliveryPage:
    """What it was sent, the newest first; kept for 30 days. `status` is pending, done or dead."""
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_webhook(conn, identity.tenant_id, webhook_id)
        rows, after = await queries.list_deliveries(conn, identity.tenant_id, webhook_id, status=status, limit=limit, cursor=cursor)
    return DeliveryPage([DeliveryView.of(row) for row in rows], after)


@get(f"{DELIVERY}/attempts", opt=READ, tags=TAGS)
async def list_attempts(
    webhook_id: FromPath[UUID], delivery_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> AttemptList:
    """Every attempt of a delivery, and how it was answered."""
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_delivery(conn, identity.tenant_id, webhook_id, delivery_id)
        rows = await queries.list_attempts(conn, identity.tenant_id, delivery_id)
    return AttemptList([AttemptView(**row._mapping) for row in rows])


@post(f"{DELIVERY}/replay", opt=WRITE, tags=TAGS, status_code=HTTP_202_ACCEPTED)
async def replay(
    webhook_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> Accepted:
    """Send it again now, under the same `webhook-id`."""
    async with db.tenant(identity.tenant_id) as conn:
        job_id = await send_again(conn, identity.tenant_id, webhook_id, delivery_id)
    await ring(redis, identity.tenant_id, job_id)
    return Accepted(delivery_id)


handlers: list[Any] = [
    list_webhooks,
    create_webhook,
    show_webhook,
    replace_webhook,
    switch,
    delete_webhook,
    create_secret,
    create_test,
    list_deliveries,
    list_attempts,
    replay,
]
