"""Conversations over HTTP: lists, transcripts, closing; the webhooks' door; health."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT
from redis.asyncio import Redis
from sqlalchemy import text

from server.conversations import contact_routes, dead_letter_routes, events, queries, receive, shown_media_routes
from server.conversations.callback import ROUTE, Callbacks
from server.conversations.close import close_conversation, reopen_conversation
from server.conversations.inbox import ring_doorbell
from server.conversations.processing import routes as processing_routes
from server.conversations.queries import Filters
from server.conversations.receipts import Delivered, deliveries_of
from server.conversations.schemas import (
    ConversationOut,
    ConversationPage,
    DeliveryOut,
    EventAnswer,
    Health,
    NewEvent,
    TranscriptMessage,
    TranscriptPage,
)
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.identity import Identity

READ = {"permission": "conversations:read"}
WRITE = {"permission": "conversations:write"}
PATIENCE_S = 2.0


@get("/api/v2/chat/conversations", opt=READ)
async def list_conversations(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
    status: FromQuery[str | None] = None,
    outcome: FromQuery[str | None] = None,
    flow_id: FromQuery[UUID | None] = None,
    channel_id: FromQuery[UUID | None] = None,
    contact_id: FromQuery[str | None] = None,
    started_from: FromQuery[datetime | None] = None,
    started_before: FromQuery[datetime | None] = None,
    is_test: FromQuery[bool] = False,
) -> ConversationPage:
    """Conversations, the one that moved last first.

    `q` searches what was said, and names of customers: all words have to be there, each may go on with more letters; "quoted" words
    stand together. What was said is found a second later.
    """
    queries.check_limit(limit)
    filters = Filters(status, outcome, flow_id, channel_id, contact_id, started_from, started_before, is_test, q)
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await queries.list_conversations(conn, identity.tenant_id, filters, limit=limit, cursor=cursor)
    return ConversationPage([ConversationOut.of(row) for row in rows], after)


@get("/api/v2/chat/conversations/{conversation_id:uuid}", opt=READ)
async def show(conversation_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> ConversationOut:
    """One conversation."""
    async with db.tenant(identity.tenant_id) as conn:
        return ConversationOut.of(await queries.find_conversation(conn, identity.tenant_id, conversation_id))


@get("/api/v2/chat/conversations/{conversation_id:uuid}/messages", opt=READ)
async def show_messages(
    conversation_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
) -> TranscriptPage:
    """The transcript, in order."""
    queries.check_limit(limit)
    after = queries.read_number(cursor)
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_conversation(conn, identity.tenant_id, conversation_id)
        rows = await queries.transcript(conn, identity.tenant_id, conversation_id, after=after, limit=limit + 1)
        sent = await deliveries_of(conn, identity.tenant_id, conversation_id)
    found = [TranscriptMessage(**row._mapping, delivery=_delivery(sent.get(row.seq))) for row in rows[:limit]]
    return TranscriptPage(found, str(found[-1].seq) if len(rows) > limit else None)


def _delivery(found: Delivered | None) -> DeliveryOut | None:
    return None if found is None else DeliveryOut(found.status, found.error, found.sent_at, found.delivered_at, found.read_at)


@post("/api/v2/chat/conversations/{conversation_id:uuid}/closure", opt=WRITE, status_code=HTTP_204_NO_CONTENT)
async def close(conversation_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> None:
    """Close a conversation."""
    async with db.tenant(identity.tenant_id) as conn:
        await close_conversation(conn, identity.tenant_id, conversation_id)


@delete("/api/v2/chat/conversations/{conversation_id:uuid}/closure", opt=WRITE)
async def reopen(conversation_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> None:
    """Open a closed conversation again."""
    async with db.tenant(identity.tenant_id) as conn:
        await reopen_conversation(conn, identity.tenant_id, conversation_id)


@post(
    [f"{ROUTE}/{{token:str}}", f"{ROUTE}/{{token:str}}/{{name:str}}"],
    opt={"public": True},
    status_code=HTTP_202_ACCEPTED,
    request_max_body_size=events.MOST_BYTES,
)
async def take_event(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    callbacks: NamedDependency[Callbacks],
    name: FromPath[str | None] = None,
) -> EventAnswer:
    """Another system tells a conversation of an event, at the address the flow gave it (`conversation.callback_url`).

    Without a name behind the address it is the event `callback`. The body is a JSON object. With an `Idempotency-Key` the same event may
    be sent again.
    """
    place = callbacks.read(token)
    if place is None:
        raise Problem(404, "unknown_address", "No conversation has this address. Use the one the bot gave, unchanged.")
    body, headers = await request.body(), request.headers
    event = events.read_event(name or events.UNNAMED, body, headers.get("content-type", ""), headers.get("idempotency-key"))
    return await _keep_event(db, redis, *place, event)


@post("/api/v2/chat/conversations/{conversation_id:uuid}/events", opt={**WRITE, "own_idempotency": True}, status_code=HTTP_202_ACCEPTED)
async def send_event(
    request: Request[Any, Any, Any],
    conversation_id: FromPath[UUID],
    data: JSONBody[NewEvent],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> EventAnswer:
    """Tell a conversation of an event. With an `Idempotency-Key` the same event may be sent again."""
    event = events.event_of(data.name, data.payload, request.headers.get("idempotency-key"))
    return await _keep_event(db, redis, identity.tenant_id, conversation_id, event)


async def _keep_event(db: Database, redis: Redis, tenant_id: UUID, conversation_id: UUID, event: events.Event) -> EventAnswer:
    async with db.tenant(tenant_id) as conn:
        accepted = await events.accept_event(conn, tenant_id, conversation_id, event)
    if accepted.fresh:
        await ring_doorbell(redis, tenant_id, conversation_id)
    return EventAnswer(accepted.inbox_id, accepted.conversation_id, "accepted" if accepted.fresh else "known")


@get(["/health", "/api/v2/chat/health"], opt={"public": True})
async def health(db: NamedDependency[Database], redis: NamedDependency[Redis]) -> Response[Health]:
    """200 when this process can store messages, 503 when it cannot. Without Redis everything still works, later."""
    database, cache = await asyncio.gather(_ask_database(db), _ask_redis(redis))
    status = "ok" if database == cache == "ok" else "degraded" if database == "ok" else "down"
    return Response(Health(status, database, cache), status_code=503 if status == "down" else 200)


async def _ask_database(db: Database) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S), db.engine.connect() as conn:
            await conn.execute(text("select 1"))
    except Exception as error:
        return type(error).__name__
    return "ok"


async def _ask_redis(redis: Redis) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await redis.ping()
    except Exception as error:
        return type(error).__name__
    return "ok"


handlers = [
    list_conversations,
    show,
    show_messages,
    close,
    reopen,
    take_event,
    send_event,
    health,
    *receive.handlers,
    *dead_letter_routes.handlers,
    *contact_routes.handlers,
    *processing_routes.handlers,
    *shown_media_routes.handlers,
]
