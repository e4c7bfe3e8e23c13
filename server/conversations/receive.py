"""The door of webhooks: what is proven to come from a channel's other side is stored, then answered; the bot's turn comes after."""

import logging
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from litestar import Request as HttpRequest
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from server.channels.about import resumes
from server.channels.contract import (
    Adapter,
    Answer,
    Inbound,
    NotConfigured,
    NotFetched,
    NotProven,
    Received,
    Request,
    Secrets,
    Unusable,
    adapter_of,
)
from server.channels.sealed import open_secrets
from server.channels.tables import channels
from server.conversations.arrivals import Hooked, arrival_of
from server.conversations.brought_files import keep_brought, use_brought
from server.conversations.courtesies import Courtesies
from server.conversations.hear import PROCESS_JOB, hear, hear_file
from server.conversations.inbox import Arrival, accept, goes_on, ring_doorbell
from server.conversations.loops import LoopGuard
from server.conversations.processing.contract import Aids
from server.conversations.provider_files import ProviderFiles
from server.conversations.receipts import record_statuses, record_watermarks
from server.conversations.uploads import FileLinks, files_of
from server.events.record import record
from server.kit import clock
from server.kit.counts import count
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from server.kit.jobs import enqueue, ring
from server.kit.rates import LocalRates, Rate
from server.kit.secrets import Vault
from server.kit.settings import Settings

MOST_BYTES = 3 * 1024 * 1024
NOT_PROVEN = "not_proven"
FORGED = Rate(1 / 60)

log = logging.getLogger(__name__)
_forged = LocalRates()
_loops = LoopGuard()


@post("/hooks/{kind:str}/{channel_id:uuid}", opt={"public": True}, status_code=HTTP_200_OK, request_max_body_size=MOST_BYTES)
async def receive(
    request: HttpRequest[Any, Any, Any],
    kind: FromPath[str],
    channel_id: FromPath[UUID],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
    courtesies: NamedDependency[Courtesies],
) -> Response[bytes]:
    """Take a provider's webhook. 2xx means stored, or proven but of no use; 401 not proven; 503 come again."""
    asked = _request_of(request, await request.body(), settings.public_url)
    door = await _open(db, vault, kind, channel_id)
    try:
        await _prove(door, asked, http)
        received = await door.adapter.completed(http, door.adapter.parse(asked, door.settings), door.settings, door.secrets)
    except Problem as problem:
        await count(redis, door.tenant_id, "webhook", kind, problem.code)
        if problem.code == NOT_PROVEN:
            await _tell_forged(db, door)
        raise
    except Unusable as reason:
        await count(redis, door.tenant_id, "webhook", kind, "unusable")
        log.info("webhook of channel %s of no use: %s", channel_id, reason)
        return Response(b"")
    except NotFetched as reason:
        await count(redis, door.tenant_id, "webhook", kind, "provider_away")
        raise Problem(503, "provider_away", f"What this request points at cannot be got now: {reason} Send it again.") from None
    try:
        received = await keep_brought(db, files_of(settings), FileLinks(vault, settings.public_url), door.tenant_id, received)
    except (DBAPIError, OSError):
        raise _database_away() from None
    if fresh := await _store(db, redis, door, received, ProviderFiles(vault, settings.public_url), Aids(http, settings.clamd)):
        courtesies.read(kind, fresh, door.settings, door.secrets)
    return _response(received.answer)


@get("/hooks/{kind:str}/{channel_id:uuid}", opt={"public": True})
async def shake_hands(
    request: HttpRequest[Any, Any, Any],
    kind: FromPath[str],
    channel_id: FromPath[UUID],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[bytes]:
    """Answer a provider that checks the address; 405 for kinds that never do."""
    door = await _open(db, vault, kind, channel_id)
    try:
        answer = door.adapter.handshake(_request_of(request, b"", settings.public_url), door.settings, door.secrets)
    except NotConfigured as reason:
        raise _not_ready(reason) from None
    if answer is None:
        raise Problem(405, "method_not_allowed", "This address takes POST only.", headers={"Allow": "POST"})
    return _response(answer)


@get("/hooks/{kind:str}/{channel_id:uuid}/files/{token:str}", opt={"public": True})
async def show_file(
    kind: FromPath[str],
    channel_id: FromPath[UUID],
    token: FromPath[str],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> Response[bytes]:
    """A file that a customer sent, from the provider that keeps it."""
    provider_ref = ProviderFiles(vault, settings.public_url).read(channel_id, token)
    if provider_ref is None:
        raise Problem(404, "file_not_found", "There is no such file.")
    door = await _open(db, vault, kind, channel_id)
    try:
        file = await door.adapter.fetch(http, provider_ref, door.settings, door.secrets)
    except NotFetched as reason:
        raise Problem(502, "file_not_fetched", f"The file cannot be got from the channel's provider: {reason}") from None
    file = await hear_file(door.settings, file, Aids(http, settings.clamd))
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=300"}
    return Response(file.content, media_type=file.media_type, headers=headers)


class _Door:
    """A channel that takes webhooks."""

    def __init__(self, row: Any, adapter: Adapter, secrets: Secrets) -> None:
        self.tenant_id: UUID = row.tenant_id
        self.channel_id: UUID = row.id
        self.kind: str = row.kind
        self.flow_id: UUID | None = row.flow_id
        self.settings: dict[str, Any] = row.settings
        self.adapter = adapter
        self.secrets = secrets


async def _open(db: Database, vault: Vault, kind: str, channel_id: UUID) -> _Door:
    adapter = adapter_of(kind)
    missing = Problem(404, "channel_not_found", "There is no such channel, or it is switched off.")
    if adapter is None:
        raise missing
    try:
        async with db.lookup(channel_id=channel_id) as conn:
            row = (
                await conn.execute(select(channels).where(channels.c.id == channel_id, channels.c.kind == kind, channels.c.enabled))
            ).first()
        if row is None:
            raise missing
        async with db.tenant(row.tenant_id) as conn:
            secrets = await open_secrets(conn, vault, row.tenant_id, row.id, row.secrets_sealed)
    except (DBAPIError, OSError):
        raise _database_away() from None
    return _Door(row, adapter, secrets)


async def _prove(door: _Door, asked: Request, http: OutboundClient) -> None:
    """The answer does not say which check failed: that would help only somebody who forges."""
    try:
        published = await door.adapter.published(http, asked, door.settings)
        door.adapter.verify(asked, door.settings, {**door.secrets, **published})
    except NotConfigured as reason:
        raise _not_ready(reason) from None
    except Exception as reason:
        why = reason if isinstance(reason, NotProven) else type(reason).__name__
        log.info("webhook of channel %s refused: %s", door.channel_id, why)
        raise Problem(401, NOT_PROVEN, "The signature of this request was not accepted.") from None


async def _tell_forged(db: Database, door: _Door) -> None:
    """Not more often than FORGED: whoever forges must not fill the log. Nobody waits for it while the database is away."""
    if _forged.place((str(door.channel_id), FORGED)) is None:
        return
    try:
        async with db.tenant(door.tenant_id) as conn:
            await record(conn, door.tenant_id, "security.webhook_forged", {"kind": door.kind}, channel_id=door.channel_id)
    except (DBAPIError, OSError) as error:
        log.warning("a forged webhook is not noted: %s", type(error).__name__)


async def _store(db: Database, redis: Redis, door: _Door, received: Received, files: ProviderFiles, aids: Aids) -> list[Inbound]:
    """The messages that were not here before and wait for an answer now."""
    arrivals: list[tuple[Inbound, Arrival]] = []
    if door.flow_id is not None:
        hooked = Hooked(door.tenant_id, door.channel_id, door.kind, door.flow_id, resumes(door.kind, door.settings))
        heard = [(said, await hear(door.settings, arrival_of(hooked, said, files), aids)) for said in received.messages]
        arrivals = [(said, await _unless_loop(redis, door, arrival)) for said, arrival in heard]
    elif received.messages:
        log.warning("channel %s has no flow: %d messages dropped", door.channel_id, len(received.messages))
    if not (arrivals or received.statuses or received.watermarks):
        return []
    for last_try in (False, False, True):  # deliveries of one message that arrive together may get in each other's way
        try:
            async with db.tenant(door.tenant_id) as conn:
                accepted = [(said, arrival, await accept(conn, arrival)) for said, arrival in arrivals if await goes_on(conn, arrival)]
                waiting = [one.inbox_id for _, arrival, one in accepted if one.fresh and arrival.ready_at is not None]
                jobs = [await enqueue(conn, door.tenant_id, PROCESS_JOB, {"inbox_id": str(inbox_id)}) for inbox_id in waiting]
                for said, _, one in accepted:
                    if one.fresh:
                        await use_brought(conn, door.tenant_id, one.conversation_id, said)
                await record_statuses(conn, door.tenant_id, door.channel_id, received.statuses)
                await record_watermarks(conn, door.tenant_id, door.channel_id, received.watermarks)
            break
        except (DBAPIError, OSError) as error:
            log.warning("messages could not be stored: %s", type(error).__name__)
            if last_try:
                raise _database_away() from None
    await ring(redis, door.tenant_id, *jobs)
    await ring_doorbell(redis, door.tenant_id, *{one.conversation_id for _, _, one in accepted if one.fresh}, only="turn")
    fresh = [(said, arrival) for said, arrival, one in accepted if one.fresh and not arrival.stale]
    for _, arrival in fresh:
        _loops.note(arrival)
    return [said for said, _ in fresh]


async def _unless_loop(redis: Redis, door: _Door, arrival: Arrival) -> Arrival:
    """The message, not to be answered when it is one too many."""
    if not _loops.stops(door.kind, arrival):
        return arrival
    await count(redis, door.tenant_id, "webhook", door.kind, "loop")
    return replace(arrival, stale=True)


def _database_away() -> Problem:
    return Problem(503, "database_away", "The server cannot store messages now. Send it again.")


def _not_ready(reason: NotConfigured) -> Problem:
    return Problem(503, "channel_not_ready", f"This channel cannot take messages yet: {reason}.")


def _response(answer: Answer) -> Response[bytes]:
    return Response(answer.body, status_code=answer.status, media_type=answer.media_type, headers=dict(answer.headers))


def _request_of(request: HttpRequest[Any, Any, Any], body: bytes, public_url: str) -> Request:
    given = [name.decode("latin-1").lower() for name, _ in request.scope["headers"]]
    asked = request.query_params.dict()
    doubled = {name for name, count in Counter(given).items() if count > 1} | {name for name, values in asked.items() if len(values) > 1}
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.scope["headers"]}
    query = {name: values[0] for name, values in asked.items()}
    behind = request.scope["query_string"].decode("latin-1")
    url = f"{public_url}{request.scope['path']}{'?' + behind if behind else ''}"
    return Request(request.method, headers, query, body, clock.now(), frozenset(doubled), url)


handlers = [receive, shake_hands, show_file]
