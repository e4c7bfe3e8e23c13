"""Pages: the catalogue of events, and each type of event with its schema and what happened lately."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.events.catalogue import catalogue, topics, versions
from server.events.logged import Logged, told
from server.events.reference import kind_of
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import not_found
from server.kit.settings import Settings
from server.security.identity import Identity
from server.security.roles import allows
from server.webhooks.event_queries import happened_lately, last_events, put_aside
from server.webhooks.queries import list_webhooks
from server.webhooks.routes import READ
from server.webhooks.schemas import WebhookView

AnyRequest = Request[Any, Any, Any]
PAGE = "/settings/events"


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a type of event, as the page shows it."""

    name: str
    kind: str
    required: bool


@get(PAGE, opt=READ, include_in_schema=False)
async def show_events(
    request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity], settings: NamedDependency[Settings]
) -> Response[str]:
    """Every type of event, by topic, with how often it happened today; and who is told."""
    async with db.tenant(identity.tenant_id) as conn:
        lately = await happened_lately(conn, identity.tenant_id)
        bad = await put_aside(conn, identity.tenant_id)
        webhooks = [WebhookView.of(row) for row in await list_webhooks(conn, identity.tenant_id)]
    return pages.render(
        request,
        "webhooks/events.html",
        topics=topics(),
        lately=lately,
        bad=bad,
        told={"webhooks": sum(one.enabled for one in webhooks), "streams": settings.event_streams, "kafka": settings.kafka is not None},
        may_see_members=allows(identity.role, "members:read"),
        may_see_letters=allows(identity.role, "conversations:read"),
    )


@get(f"{PAGE}/{{event_type:str}}", opt=READ, include_in_schema=False)
async def show_event(
    request: AnyRequest, event_type: FromPath[str], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """One type of event: what it carries, an example as a webhook gets it, and the last that happened."""
    known = catalogue().get(event_type)
    if known is None:
        raise not_found("type of event")
    async with db.tenant(identity.tenant_id) as conn:
        rows = await last_events(conn, identity.tenant_id, event_type)
    schema = known.schema()
    required = schema.get("required", [])
    return pages.render(
        request,
        "webhooks/event.html",
        type=known,
        properties=[Property(name, kind_of(about), name in required) for name, about in schema.get("properties", {}).items()],
        schema=json.dumps(schema, indent=2, ensure_ascii=False),
        example=_indented({"type": known.name, "data": {**known.example, "id": 1, "version": known.version}}),
        versions=[number for name, number in versions() if name == known.name],
        events=[(row, _indented(told(_logged(row)))) for row in rows],
        may_see_conversations=allows(identity.role, "conversations:read"),
        may_see_members=allows(identity.role, "members:read"),
    )


def _logged(row: Any) -> Logged:
    """Shown even when it does not fit its type."""
    where = (row.conversation_id, row.flow_id, row.flow_version, row.channel_id)
    return Logged(row.id, int(row.tx), row.type, row.version, row.at, *where, row.props)


def _indented(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


handlers: list[Any] = [show_events, show_event]
