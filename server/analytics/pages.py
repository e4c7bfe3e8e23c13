"""The dashboard, the list of conversations, the transcript with its path."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics import conversations, queries
from server.analytics.conversations import BY, Filters
from server.analytics.filters import DEFAULT_PERIOD, PERIODS, before, period_named, query_of
from server.analytics.ingest import TOPIC
from server.analytics.paths import paths
from server.analytics.queries import Scope
from server.channels.tables import channels
from server.conversations.dead_letters import count_dead_letters
from server.conversations.processing.findings import findings_of
from server.conversations.receipts import deliveries_of
from server.conversations.search import wanted_of
from server.flows.tables import flows
from server.kit import pages
from server.kit.clock import now
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.live import Live
from server.security.identity import Identity

PING_S = 15
STATUSES = {"open": "Open", "ended": "Ended", "closed": "Closed"}
OUTCOMES = {"contained": "Contained", "handed_off": "Handed off", "unresolved": "Unresolved", "abandoned": "Abandoned"}
LOOKS = {"contained": "ok", "handed_off": "accent", "unresolved": "warn", "abandoned": "neutral"}

AnyRequest = Request[Any, Any, Any]


@get("/analytics", opt={"permission": "analytics:read"}, include_in_schema=False)
async def dashboard(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    period: FromQuery[str] = DEFAULT_PERIOD,
    flow: FromQuery[str] = "",
) -> Response[str]:
    """The dashboard of all flows or of one; the choice is in the address."""
    scope = Scope(identity.tenant_id, _id(flow, "flow"))
    async with db.snapshot(identity.tenant_id) as connection:
        values = await _tiles(connection, scope, period)
        names = await _flow_names(connection, identity.tenant_id)
    periods = [(name, title) for name, (title, _, _) in PERIODS.items()]
    return pages.render(request, "analytics/dashboard.html", **values, periods=periods, flow_names=names, flow=flow)


@get("/analytics/tiles", opt={"permission": "analytics:read"}, include_in_schema=False)
async def tiles(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    period: FromQuery[str] = DEFAULT_PERIOD,
    flow: FromQuery[str] = "",
) -> Response[str]:
    """The dashboard's tiles alone, fetched again whenever new windows are there."""
    async with db.snapshot(identity.tenant_id) as connection:
        values = await _tiles(connection, Scope(identity.tenant_id, _id(flow, "flow")), period)
    return pages.render(request, "analytics/_tiles.html", **values)


@get("/analytics/live", opt={"permission": "analytics:read"}, include_in_schema=False)
async def live_windows(live: NamedDependency[Live], identity: NamedDependency[Identity]) -> ServerSentEvent:
    """Tells an open dashboard that there are new windows."""

    async def news() -> AsyncIterator[ServerSentEventMessage]:
        async with live.subscribe(identity.tenant_id, TOPIC) as subscription:
            yield ServerSentEventMessage(event="ready", data="")
            while True:
                arrived = await subscription.wait(PING_S)
                if subscription.ended:
                    return
                yield ServerSentEventMessage(event="windows" if arrived is not None else "ping", data="")

    return ServerSentEvent(news())


@get("/conversations", opt={"permission": "conversations:read"}, include_in_schema=False)
async def conversation_list(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    q: FromQuery[str] = "",
    flow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    channel: FromQuery[str] = "",
    status: FromQuery[str] = "",
    outcome: FromQuery[str] = "",
    intent: FromQuery[str] = "",
    by: FromQuery[str] = "started",
    start: FromQuery[str] = "",
    end: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Conversations by filters, the newest first; every figure of the dashboard leads here."""
    filters = Filters(
        q=q.strip()[:200],
        flow_id=_id(flow, "flow"),
        flow_version=int(version) if version.isdecimal() else None,
        channel_id=_id(channel, "channel"),
        status=status,
        outcome=outcome,
        intent=intent,
        by=by if by in BY else "started",
        start=_moment(start, "start"),
        end=_moment(end, "end"),
    )
    async with db.snapshot(identity.tenant_id) as connection:
        wanted = await wanted_of(connection, filters.q)
        rows, following = await conversations.find(connection, identity.tenant_id, filters, wanted, cursor)
        total = await conversations.count(connection, identity.tenant_id, filters, wanted)
        names = await _flow_names(connection, identity.tenant_id)
        channel_names = await _channel_names(connection, identity.tenant_id)
        dead_letters = await count_dead_letters(connection, identity.tenant_id)
    kept = {name: value for name, value in request.query_params.items() if value and name != "cursor"}
    return pages.render(
        request,
        "conversations/list.html",
        rows=rows,
        wanted=wanted,
        total=total,
        filters=filters,
        kept=kept,
        flow_names=names,
        channel_names=channel_names,
        dead_letters=dead_letters,
        statuses=STATUSES,
        outcomes=OUTCOMES,
        looks=LOOKS,
        periods=BY,
        next_url=f"/conversations?{urlencode({**kept, 'cursor': following})}" if following else None,
        first_url=f"/conversations?{urlencode(kept)}" if cursor else "",
        narrowed=bool(kept),
    )


@get("/conversations/{conversation_id:uuid}", opt={"permission": "conversations:read"}, include_in_schema=False)
async def conversation(
    request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity], conversation_id: FromPath[UUID]
) -> Response[str]:
    """One conversation: what was said, and the path each turn took."""
    async with db.snapshot(identity.tenant_id) as connection:
        row = await conversations.one(connection, identity.tenant_id, conversation_id)
        said = await conversations.transcript(connection, identity.tenant_id, conversation_id)
        taken = await paths(connection, identity.tenant_id, conversation_id)
        sent = await deliveries_of(connection, identity.tenant_id, conversation_id)
        found = await findings_of(connection, identity.tenant_id, conversation_id)
    values = {"row": row, "findings": found, "messages": said, "deliveries": sent, "paths": taken, "outcomes": OUTCOMES, "looks": LOOKS}
    return pages.render(request, "conversations/conversation.html", **values)


async def _tiles(connection: AsyncConnection, scope: Scope, name: str) -> dict[str, Any]:
    period = period_named(name, now())
    steps = [figures for _, figures in await queries.series(connection, scope, period)]
    return {
        "query": query_of(name, scope),
        "period": period,
        "period_name": name,
        "length": PERIODS[name][0].removeprefix("Last "),
        "scope": scope,
        "totals": await queries.totals(connection, scope, period),
        "earlier": await queries.totals(connection, scope, before(period)),
        "steps": steps,
        "slowest": [figures.turn_percentile(0.95) for figures in steps],
        "last_step": period.end - period.step,
        "change": change,
    }


def change(current: float | None, earlier: float | None) -> tuple[str, str]:
    """How a figure compares with the period before: (words, trend up / down / flat)."""
    if not earlier or current is None:
        return "", "flat"
    share = (current - earlier) / earlier
    if abs(share) < 0.005:
        return "no change", "flat"
    words = f"{share:+.0%}" if share < 5 else f"{current / earlier:.0f} times"
    return words, "up" if share > 0 else "down"


async def _flow_names(connection: AsyncConnection, tenant_id: UUID) -> list[tuple[str, str]]:
    query = select(flows.c.id, flows.c.name).where(flows.c.tenant_id == tenant_id, flows.c.deleted_at.is_(None)).order_by(flows.c.name)
    return [(str(row.id), row.name) for row in (await connection.execute(query)).all()]


async def _channel_names(connection: AsyncConnection, tenant_id: UUID) -> list[tuple[str, str]]:
    query = select(channels.c.id, channels.c.name).where(channels.c.tenant_id == tenant_id).order_by(channels.c.name)
    return [(str(row.id), row.name) for row in (await connection.execute(query)).all()]


def _id(text: str, field: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Problem(422, "bad_filter", f"The {field} in the address is not an id.", fields={field: "not an id"}) from None


def _moment(text: str, field: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Problem(
            422, "bad_filter", f"The {field} in the address is not a date. Write it as 2026-05-01.", fields={field: "not a date"}
        ) from None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


handlers = [dashboard, tiles, live_windows, conversation_list, conversation]
