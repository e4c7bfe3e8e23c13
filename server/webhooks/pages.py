"""Pages: outgoing webhooks, and the deliveries of each with every attempt."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from redis.asyncio import Redis

from server.events.catalogue import catalogue
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from server.kit.jobs import ring
from server.kit.secrets import Vault
from server.security.identity import Identity
from server.security.roles import allows
from server.webhooks import event_pages, queries
from server.webhooks.deliver import send_again
from server.webhooks.fan_out import send_test
from server.webhooks.routes import READ, WRITE
from server.webhooks.schemas import AttemptView, DeliveryView, NewWebhook, WebhookView
from server.webhooks.subscribe import change_webhook, open_webhook, remove_webhook, renew_secret, switch_webhook

AnyRequest = Request[Any, Any, Any]
PAGE = "/settings/webhooks"
ONE = f"{PAGE}/{{webhook_id:uuid}}"
DELIVERY = f"{ONE}/deliveries/{{delivery_id:uuid}}"
STATUS_TITLES = {"pending": "On the way", "done": "Delivered", "dead": "Given up"}
NOTHING_TYPED = NewWebhook("", "")


class ButtonForm(msgspec.Struct, forbid_unknown_fields=True):
    """A button."""

    csrf: str = msgspec.field(name="_csrf", default="")


ButtonData = Annotated[ButtonForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get(PAGE, opt=READ, include_in_schema=False)
async def show_webhooks(request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[str]:
    """All webhooks, and a form for another."""
    return await _list(request, db, identity)


@post(PAGE, opt=WRITE, include_in_schema=False)
async def submit_webhook(
    request: AnyRequest,
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Open one; its page shows the secret this once."""
    typed = await _typed(request)
    try:
        async with db.tenant(identity.tenant_id) as conn:
            webhook_id, secret = await open_webhook(conn, vault, http, identity.tenant_id, typed)
    except Problem as problem:
        return await _list(request, db, identity, typed=typed, problem=problem)
    return await _show(request, db, identity, webhook_id, secret=secret, status_code=201)


@get(ONE, opt=READ, include_in_schema=False)
async def show_webhook(
    webhook_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    status: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """One webhook and what it was sent."""
    return await _show(request, db, identity, webhook_id, status=status, cursor=cursor)


@post(ONE, opt=WRITE, include_in_schema=False)
async def submit_change(
    webhook_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    http: NamedDependency[OutboundClient],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Another name, address or choice of events."""
    typed = await _typed(request)
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await change_webhook(conn, http, identity.tenant_id, webhook_id, typed)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _show(request, db, identity, webhook_id, typed=typed, problem=problem, status_code=422)
    return pages.go_to(request, f"{PAGE}/{webhook_id}")


@post(f"{ONE}/secret", opt=WRITE, include_in_schema=False, status_code=200)
async def submit_secret(
    data: ButtonData,
    webhook_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """A new secret, shown this once."""
    async with db.tenant(identity.tenant_id) as conn:
        secret = await renew_secret(conn, vault, identity.tenant_id, webhook_id)
    return await _show(request, db, identity, webhook_id, secret=secret)


@post(f"{ONE}/enabled", opt=WRITE, include_in_schema=False)
async def submit_on(
    data: ButtonData, webhook_id: FromPath[UUID], request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Switch it on."""
    async with db.tenant(identity.tenant_id) as conn:
        await switch_webhook(conn, identity.tenant_id, webhook_id, True)
    return pages.go_to(request, f"{PAGE}/{webhook_id}")


@post(f"{ONE}/disabled", opt=WRITE, include_in_schema=False)
async def submit_off(
    data: ButtonData, webhook_id: FromPath[UUID], request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Switch it off."""
    async with db.tenant(identity.tenant_id) as conn:
        await switch_webhook(conn, identity.tenant_id, webhook_id, False)
    return pages.go_to(request, f"{PAGE}/{webhook_id}")


@post(f"{ONE}/removal", opt=WRITE, include_in_schema=False)
async def submit_removal(
    data: ButtonData, webhook_id: FromPath[UUID], request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Forget it."""
    async with db.tenant(identity.tenant_id) as conn:
        await remove_webhook(conn, identity.tenant_id, webhook_id)
    return pages.go_to(request, PAGE)


@post(f"{ONE}/tests", opt=WRITE, include_in_schema=False)
async def submit_test(
    data: ButtonData,
    webhook_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Send a test."""
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_webhook(conn, identity.tenant_id, webhook_id)
        _, job_id = await send_test(conn, identity.tenant_id, webhook_id)
    await ring(redis, identity.tenant_id, job_id)
    return pages.go_to(request, f"{PAGE}/{webhook_id}")


@get(DELIVERY, opt=READ, include_in_schema=False)
async def show_delivery(
    webhook_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """What was sent, and every attempt."""
    async with db.tenant(identity.tenant_id) as conn:
        webhook = await queries.find_webhook(conn, identity.tenant_id, webhook_id)
        delivery = await queries.find_delivery(conn, identity.tenant_id, webhook_id, delivery_id)
        attempts = await queries.list_attempts(conn, identity.tenant_id, delivery_id)
    return pages.render(
        request,
        "webhooks/delivery.html",
        webhook=WebhookView.of(webhook),
        delivery=DeliveryView.of(delivery),
        body=msgspec.json.format(msgspec.json.encode(delivery.body), indent=2).decode(),
        attempts=[AttemptView(**row._mapping) for row in attempts],
        **_shared(identity),
    )


@post(f"{DELIVERY}/replay", opt=WRITE, include_in_schema=False)
async def submit_replay(
    data: ButtonData,
    webhook_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Send it again."""
    async with db.tenant(identity.tenant_id) as conn:
        job_id = await send_again(conn, identity.tenant_id, webhook_id, delivery_id)
    await ring(redis, identity.tenant_id, job_id)
    return pages.go_to(request, f"{PAGE}/{webhook_id}/deliveries/{delivery_id}")


async def _typed(request: AnyRequest) -> NewWebhook:
    """What the form holds; the boxes of the events have one name."""
    form = await request.form()
    name, url = (str(form.get(field) or "")[:500] for field in ("name", "url"))
    rate = str(form.get("per_second") or "").strip()
    per_second = None if not rate else int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 9 else 0
    return NewWebhook(name[:80], url, [str(one) for one in form.getall("event", [])], per_second)


async def _list(
    request: AnyRequest, db: Database, identity: Identity, *, typed: NewWebhook = NOTHING_TYPED, problem: Problem | None = None
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        rows = await queries.list_webhooks(conn, identity.tenant_id)
    return pages.render(
        request,
        "webhooks/webhooks.html",
        status=problem.status if problem else 200,
        webhooks=[WebhookView.of(row) for row in rows],
        typed=typed,
        problem=problem,
        **_shared(identity),
    )


async def _show(
    request: AnyRequest,
    db: Database,
    identity: Identity,
    webhook_id: UUID,
    *,
    status: str = "",
    cursor: str = "",
    secret: str = "",
    typed: NewWebhook | None = None,
    problem: Problem | None = None,
    status_code: int = 200,
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        row = await queries.find_webhook(conn, identity.tenant_id, webhook_id)
        sent, after = await queries.list_deliveries(
            conn, identity.tenant_id, webhook_id, status=status or None, cursor=cursor or None, limit=25
        )
    address = f"{PAGE}/{webhook_id}"
    return pages.render(
        request,
        "webhooks/webhook.html",
        status=status_code,
        webhook=WebhookView.of(row),
        typed=typed or NewWebhook(row.name, row.url, list(row.event_types), row.per_second),
        problem=problem,
        secret=secret,
        address=address,
        deliveries=[DeliveryView.of(one) for one in sent],
        status_chosen=status,
        next_url=f"{address}?{urlencode({'status': status, 'cursor': after})}" if after else None,
        first_url=f"{address}?{urlencode({'status': status})}" if cursor else "",
        **_shared(identity),
    )


def _shared(identity: Identity) -> dict[str, Any]:
    return {
        "event_types": list(catalogue().values()),
        "statuses": STATUS_TITLES,
        "may_write": allows(identity.role, "webhooks:write"),
        "may_see_members": allows(identity.role, "members:read"),
    }


handlers: list[Any] = [
    show_webhooks,
    submit_webhook,
    show_webhook,
    submit_change,
    submit_secret,
    submit_on,
    submit_off,
    submit_removal,
    submit_test,
    show_delivery,
    submit_replay,
    *event_pages.handlers,
]
