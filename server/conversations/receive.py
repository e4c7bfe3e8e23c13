"""The door of webhooks: what is proven to come from a channel's other side is stored, then answered; the bot's turn comes after."""

import logging
import secrets
from collections import Counter
from collections.abc import Sequence
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

from flow_runtime import Choice, Input, Location, Message, input_to_json
from server.channels.contract import Adapter, Inbound, NotConfigured, NotProven, Request, Unusable, adapter_of
from server.channels.tables import channels
from server.conversations.deliver import open_secret
from server.conversations.inbox import Arrival, Contact, accept, ring_doorbell
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.secrets import Vault

MOST_BYTES = 3 * 1024 * 1024

log = logging.getLogger(__name__)
rejected: Counter[str] = Counter()


@post("/hooks/{kind:str}/{channel_id:uuid}", opt={"public": True}, status_code=HTTP_200_OK, request_max_body_size=MOST_BYTES)
async def receive(
    request: HttpRequest[Any, Any, Any],
    kind: FromPath[str],
    channel_id: FromPath[UUID],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    vault: NamedDependency[Vault],
) -> Response[None]:
    """Take a provider's webhook. 2xx means stored, or proven but of no use; 401 not proven; 503 come again."""
    asked = _request_of(request, await request.body())
    try:
        door = await _open(db, vault, kind, channel_id)
        door.adapter.verify(asked, door.secret)
    except NotConfigured as reason:
        rejected[kind] += 1
        raise Problem(503, "channel_not_ready", f"This channel cannot take messages yet: {reason}.") from None
    except Problem:
        raise
    except Exception as reason:
        rejected[kind] += 1
        log.info("webhook of channel %s refused: %s", channel_id, reason if isinstance(reason, NotProven) else type(reason).__name__)
        raise Problem(401, "not_proven", "The signature of this request was not accepted.") from None
    try:
        said = door.adapter.parse(asked, door.settings)
    except Unusable as reason:
        log.info("webhook of channel %s of no use: %s", channel_id, reason)
        return Response(None)
    await _store(db, redis, door, said)
    return Response(None)


@get("/hooks/{kind:str}/{channel_id:uuid}", opt={"public": True})
async def shake_hands(
    request: HttpRequest[Any, Any, Any],
    kind: FromPath[str],
    channel_id: FromPath[UUID],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
) -> Response[str]:
    """Answer a provider that checks the address; 405 for kinds that never do."""
    door = await _open(db, vault, kind, channel_id)
    answer = door.adapter.handshake(_request_of(request, b""), door.settings, door.secret)
    if answer is None:
        raise Problem(405, "method_not_allowed", "This address takes POST only.", headers={"Allow": "POST"})
    return Response(answer, media_type="text/plain")


class _Door:
    """A channel that takes webhooks."""

    def __init__(self, row: Any, adapter: Adapter, secret: str | None) -> None:
        self.tenant_id: UUID = row.tenant_id
        self.channel_id: UUID = row.id
        self.flow_id: UUID | None = row.flow_id
        self.settings: dict[str, Any] = row.settings
        self.adapter = adapter
        self.secret = secret


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
            secret = await open_secret(conn, vault, row.tenant_id, row.id, row.secrets_sealed)
    except (DBAPIError, OSError):
        raise Problem(503, "database_away", "The server cannot store messages now. Send it again.") from None
    return _Door(row, adapter, secret)


async def _store(db: Database, redis: Redis, door: _Door, said: Sequence[Inbound]) -> None:
    if door.flow_id is None:
        log.warning("channel %s has no flow: %d messages dropped", door.channel_id, len(said))
        return
    for last_try in (False, False, True):  # deliveries of one message that arrive together may get in each other's way
        try:
            async with db.tenant(door.tenant_id) as conn:
                accepted = [await accept(conn, _arrival(door, door.flow_id, one)) for one in said]
            break
        except (DBAPIError, OSError) as error:
            log.warning("messages could not be stored: %s", type(error).__name__)
            if last_try:
                raise Problem(503, "database_away", "The server cannot store messages now. Send it again.") from None
    await ring_doorbell(redis, door.tenant_id, *{one.conversation_id for one in accepted if one.fresh})


def _arrival(door: _Door, flow_id: UUID, said: Inbound) -> Arrival:
    contact = Contact(said.contact_id, said.contact_name, said.language, said.attributes)
    return Arrival(door.tenant_id, door.channel_id, f"hook:{said.key}", input_to_json(_input(said)), contact=contact, flow_id=flow_id)


def _input(said: Inbound) -> Input:
    at, seed = clock.now(), secrets.randbits(48)
    if said.choice is not None:
        return Choice(value=said.choice, text=said.text or "", at=at, seed=seed)
    if (place := said.location) is not None:
        return Location(place.latitude, place.longitude, place.label, at=at, seed=seed)
    return Message(text=said.text or "", language=said.language, at=at, seed=seed)


def _request_of(request: HttpRequest[Any, Any, Any], body: bytes) -> Request:
    names = [name.decode("latin-1").lower() for name, _ in request.scope["headers"]]
    doubled = frozenset(name for name, count in Counter(names).items() if count > 1)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.scope["headers"]}
    query = {name: values[0] for name, values in request.query_params.dict().items()}
    return Request(request.method, headers, query, body, clock.now(), doubled)


handlers = [receive, shake_hands]
