"""A widget's visitor: who they are to the site around, and what was said before."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct
from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.queries import Channel, find_channel
from server.channels.sealed import open_secrets
from server.channels.tables import channels
from server.channels.web.identity import PREFIX, contact_of, is_proven
from server.channels.web.origins import admit
from server.conversations.inbox import contact_id_of
from server.conversations.proof import proof_key, sign_proof
from server.conversations.stream import history
from server.conversations.tables import contacts, conversations
from server.conversations.token import ConversationToken, bearer, read_token, sign_token, token_key
from server.kit import clock
from server.kit.answers import answer_error
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns.schemas import MOST_ATTRIBUTES, Attribute

AnyRequest = Request[Any, Any, Any]

MOST_BYTES = 64 * 1024
MOST_SEQ = 2**31 - 1
_PUBLIC = {"public": True}


class PersonIn(Struct, forbid_unknown_fields=True):
    """A user of the site around: `hash` is the hexadecimal HMAC-SHA256 of `id` with the channel's identity secret."""

    id: Annotated[str, Meta(min_length=1, max_length=190)]
    hash: Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$")]
    name: Annotated[str, Meta(max_length=200)] | None = None
    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] | None = None
    attributes: Annotated[dict[Annotated[str, Meta(max_length=100)], Attribute], Meta(max_length=MOST_ATTRIBUTES)] | None = None


class ProvenContact(Struct):
    """What a first message says of its contact: who they are, with the proof of it."""

    id: str
    proof: str


class PersonOut(Struct):
    """A proven user, and the open conversation that they have here, if any, with the token that opens it."""

    contact: ProvenContact
    conversation_id: UUID | None = None
    token: str | None = None


_read_person = msgspec.json.Decoder(PersonIn).decode


@post("/w/{channel_id:uuid}/identity", status_code=HTTP_200_OK, opt=_PUBLIC, request_max_body_size=MOST_BYTES)
async def identify(
    request: AnyRequest,
    channel_id: FromPath[UUID],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Take the site's proof of who the visitor is. Their open conversation goes on here; the one they began unknown becomes theirs."""
    channel = await find_channel(db, channel_id)
    cors = admit(request.headers, channel.allowed_origins, settings.public_url)
    try:
        person = _person(await request.body())
        mine = _token(request, vault, channel) if "authorization" in request.headers else None
        async with db.tenant(channel.tenant_id) as conn:
            await _check(conn, vault, channel, person)
            contact_id = await _keep(conn, channel, person)
            conversation_id = await _open_conversation(conn, channel, contact_id)
            if conversation_id is None and mine is not None:
                conversation_id = await _adopt(conn, mine, contact_id)
    except Problem as problem:
        problem.headers |= cors
        return answer_error(request, problem)
    now, external_id = clock.now(), contact_of(person.id)
    answer = PersonOut(ProvenContact(external_id, sign_proof(proof_key(vault), channel.id, external_id, now)))
    if conversation_id is not None:
        answer.conversation_id = conversation_id
        token = ConversationToken(channel.tenant_id, channel.id, conversation_id, contact_id)
        answer.token = sign_token(token_key(vault), token, now)
    return Response(answer, headers={"Cache-Control": "no-store", **cors})


@get("/w/{channel_id:uuid}/messages", opt=_PUBLIC)
async def show_earlier(
    request: AnyRequest,
    channel_id: FromPath[UUID],
    conversation: FromQuery[UUID],
    before: FromQuery[int],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """The messages of a conversation before one of them, oldest first; for its own token."""
    channel = await find_channel(db, channel_id)
    cors = admit(request.headers, channel.allowed_origins, settings.public_url)
    try:
        token = _token(request, vault, channel)
        if token.conversation_id != conversation:
            raise _not_theirs()
    except Problem as problem:
        problem.headers |= cors
        return answer_error(request, problem)
    said = await history(db, channel.tenant_id, conversation, min(max(before, 0), MOST_SEQ))
    return Response(said, headers={"Cache-Control": "no-store", **cors})


def _person(body: bytes) -> PersonIn:
    try:
        return _read_person(body)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$.")
        raise Problem(
            422, "invalid", "Some values cannot be used. Correct them and send again.", fields={path.rstrip("`") or "body": sentence}
        ) from None
    except msgspec.DecodeError:
        raise Problem(400, "malformed", "The body is not valid JSON.") from None


def _token(request: AnyRequest, vault: Vault, channel: Channel) -> ConversationToken:
    token = read_token(token_key(vault), bearer(request.headers.get("authorization")), clock.now())
    if (token.tenant_id, token.channel_id) != (channel.tenant_id, channel.id):
        raise _not_theirs()
    return token


def _not_theirs() -> Problem:
    return Problem(404, "conversation_not_found", "This token does not open that conversation. Start a new one.")


async def _check(conn: AsyncConnection, vault: Vault, channel: Channel, person: PersonIn) -> None:
    """Problem 403 unless the site's proof is good."""
    sealed = await conn.scalar(
        select(channels.c.secrets_sealed).where(channels.c.tenant_id == channel.tenant_id, channels.c.id == channel.id)
    )
    if not is_proven(await open_secrets(conn, vault, channel.tenant_id, channel.id, sealed), person.id, person.hash):
        detail = "This proof of identity is not accepted. `hash` is the hexadecimal HMAC-SHA256 of `id` with the channel's identity secret."
        raise Problem(403, "identity_refused", detail)


async def _keep(conn: AsyncConnection, channel: Channel, person: PersonIn) -> UUID:
    """The user's contact, with what the site says of them now."""
    external_id = contact_of(person.id)
    made = insert(contacts).values(
        tenant_id=channel.tenant_id,
        id=contact_id_of(channel.id, external_id),
        channel_id=channel.id,
        external_id=external_id,
        name=person.name,
        language=person.language,
        attributes=person.attributes or {},
    )
    told = {name: value for name, value in (("name", person.name), ("language", person.language)) if value is not None}
    said = {**told, "attributes": contacts.c.attributes.concat(made.excluded.attributes)}
    kept = made.on_conflict_do_update(index_elements=["tenant_id", "channel_id", "external_id"], set_=said)
    contact_id: UUID = (await conn.execute(kept.returning(contacts.c.id))).scalar_one()
    return contact_id


async def _open_conversation(conn: AsyncConnection, channel: Channel, contact_id: UUID) -> UUID | None:
    """The conversation of the contact that moved last, of those that are not over."""
    c = conversations.c
    wanted = select(c.id).where(c.tenant_id == channel.tenant_id, c.channel_id == channel.id, c.contact_id == contact_id)
    found: UUID | None = await conn.scalar(
        wanted.where(or_(c.status == "open", and_(c.outcome == "handed_off", c.status != "closed")), c.is_test.is_(False))
        .order_by(c.updated_at.desc())
        .limit(1)
    )
    return found


async def _adopt(conn: AsyncConnection, token: ConversationToken, contact_id: UUID) -> UUID | None:
    """Give a conversation that an unknown visitor began to the contact; another user's stays where it is."""
    c = conversations.c
    unknown = (
        select(contacts.c.id)
        .where(contacts.c.tenant_id == token.tenant_id, contacts.c.id == c.contact_id, contacts.c.external_id.not_like(f"{PREFIX}%"))
        .exists()
    )
    theirs = update(conversations).where(c.tenant_id == token.tenant_id, c.id == token.conversation_id, c.status == "open", unknown)
    found: UUID | None = await conn.scalar(theirs.values(contact_id=contact_id).returning(c.id))
    return found


handlers = [identify, show_earlier]
