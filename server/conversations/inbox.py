"""What comes in is stored once, before anything else: by (channel, sender's id of it), in the order of arrival."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from redis.asyncio import Redis
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import contacts, conversations, inbox
from server.kit import clock
from server.kit.errors import not_found
from server.kit.ids import uuid7

DOORBELL = "doorbell"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contact:
    """Who writes, as the channel or the caller names them."""

    external_id: str
    name: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One input to be stored. `key` is the sender's own id of it: the same key in the same channel is the same input.

    Without `conversation_id` it goes to the contact's open conversation (in `thread`, where a channel has threads), or starts one on
    `flow_id`; `apart` always starts one. `heard_at` is when the channel says it was said, `reply_place` where it wants the answer. What is
    `stale` is kept but not answered; what only `continues` goes to an open conversation or nowhere.
    `resumes`: a customer who comes back after their conversation was closed goes on in it. Until `ready_at` it may be with the stages of
    processing that reach outside, and has no turn; one with a reason (`why_stale`) was refused by a stage.
    """

    tenant_id: UUID
    channel_id: UUID
    key: str
    input: Mapping[str, Any]
    conversation_id: UUID | None = None
    contact: Contact | None = None
    flow_id: UUID | None = None
    apart: bool = False
    thread: str | None = None
    heard_at: datetime | None = None
    reply_place: Mapping[str, Any] = field(default_factory=dict)
    stale: bool = False
    resumes: bool = False
    continues: bool = False
    ready_at: datetime | None = None
    why_stale: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where an arrival is kept. `fresh` is False for one that was here before."""

    inbox_id: UUID
    conversation_id: UUID
    fresh: bool


def contact_id_of(channel_id: UUID, external_id: str) -> UUID:
    """The id of a contact that is met for the first time: the same for whoever meets them, so that two cannot be made."""
    return uuid5(channel_id, external_id)


async def accept(conn: AsyncConnection, arrival: Arrival) -> Accepted:
    """Store an input in the caller's transaction; the one that was here before is only pointed at."""
    if known := await _find(conn, arrival):
        return known
    conversation_id = arrival.conversation_id or await _open_conversation(conn, arrival)
    if arrival.conversation_id is not None:
        await _check_conversation(conn, arrival.tenant_id, arrival.conversation_id)
    inbox_id = uuid7()
    stored = await conn.scalar(
        insert(inbox)
        .values(
            tenant_id=arrival.tenant_id,
            id=inbox_id,
            conversation_id=conversation_id,
            channel_id=arrival.channel_id,
            external_id=arrival.key,
            input=dict(arrival.input),
            received_at=clock.now(),
            status="ignored" if arrival.stale else "pending",
            error=arrival.why_stale,
            ready_at=arrival.ready_at,
        )
        .on_conflict_do_nothing()
        .returning(inbox.c.id)
    )
    if stored is None:
        known = await _find(conn, arrival)
        assert known is not None
        return known
    if arrival.heard_at is not None:
        await _hear(conn, arrival, conversation_id, arrival.heard_at)
    return Accepted(inbox_id, conversation_id, True)


async def _hear(conn: AsyncConnection, arrival: Arrival, conversation_id: UUID, heard_at: datetime) -> None:
    """Note when and where the customer was heard last; what arrives late does not turn it back."""
    heard = conversations.c.heard_at
    await conn.execute(
        update(conversations)
        .where(
            conversations.c.tenant_id == arrival.tenant_id, conversations.c.id == conversation_id, or_(heard.is_(None), heard <= heard_at)
        )
        .values(heard_at=heard_at, reply_place=dict(arrival.reply_place))
    )


async def _find(conn: AsyncConnection, arrival: Arrival) -> Accepted | None:
    row = (
        await conn.execute(
            select(inbox.c.id, inbox.c.conversation_id).where(
                inbox.c.tenant_id == arrival.tenant_id, inbox.c.channel_id == arrival.channel_id, inbox.c.external_id == arrival.key
            )
        )
    ).first()
    return None if row is None else Accepted(row.id, row.conversation_id, False)


async def _check_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> None:
    wanted = select(conversations.c.id).where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
    if await conn.scalar(wanted) is None:
        raise not_found("conversation")


async def goes_on(conn: AsyncConnection, arrival: Arrival) -> bool:
    """Whether the arrival has a conversation to go to, or may begin one."""
    if not arrival.continues or arrival.contact is None:
        return True
    known = select(contacts.c.id).where(
        contacts.c.tenant_id == arrival.tenant_id,
        contacts.c.channel_id == arrival.channel_id,
        contacts.c.external_id == arrival.contact.external_id,
    )
    contact_id = await conn.scalar(known)
    return contact_id is not None and await _find_open(conn, arrival, contact_id) is not None


async def _find_open(conn: AsyncConnection, arrival: Arrival, contact_id: UUID) -> UUID | None:
    found: UUID | None = await conn.scalar(
        select(conversations.c.id)
        .where(
            conversations.c.tenant_id == arrival.tenant_id,
            conversations.c.contact_id == contact_id,
            conversations.c.channel_id == arrival.channel_id,
            conversations.c.status.in_(("open", "closed") if arrival.resumes else ("open",)),
            conversations.c.is_test.is_(False),
            conversations.c.thread.is_not_distinct_from(arrival.thread),
        )
        .order_by((conversations.c.status == "open").desc(), conversations.c.started_at.desc())
        .limit(1)
    )
    return found


async def _open_conversation(conn: AsyncConnection, arrival: Arrival) -> UUID:
    """The contact's open conversation, or a new one. The contact's row is locked: parallel arrivals must not make two."""
    if arrival.contact is None or arrival.flow_id is None:
        raise ValueError("an arrival names its conversation, or its contact and flow")
    contact_id = await _lock_contact(conn, arrival.tenant_id, arrival.channel_id, arrival.contact)
    if not arrival.apart:
        found = await _find_open(conn, arrival, contact_id)
        if found is not None:
            return found
    conversation_id = uuid7()
    await conn.execute(
        insert(conversations).values(
            tenant_id=arrival.tenant_id,
            id=conversation_id,
            channel_id=arrival.channel_id,
            contact_id=contact_id,
            flow_id=arrival.flow_id,
            flow_version=0,  # the first turn decides
            thread=arrival.thread,
            started_at=clock.now(),
            updated_at=clock.now(),
        )
    )
    return conversation_id


async def _lock_contact(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, contact: Contact) -> UUID:
    given = insert(contacts).values(
        tenant_id=tenant_id,
        id=contact_id_of(channel_id, contact.external_id),
        channel_id=channel_id,
        external_id=contact.external_id,
        name=contact.name,
        language=contact.language,
        attributes=dict(contact.attributes or {}),
    )
    merged = {
        "name": func.coalesce(given.excluded.name, contacts.c.name),
        "language": func.coalesce(given.excluded.language, contacts.c.language),
        "attributes": contacts.c.attributes.op("||")(given.excluded.attributes),
    }
    upserted = given.on_conflict_do_update(index_elements=["tenant_id", "channel_id", "external_id"], set_=merged)
    contact_id: UUID = (await conn.execute(upserted.returning(contacts.c.id))).scalar_one()
    return contact_id


async def ring_doorbell(redis: Redis, tenant_id: UUID, *conversation_ids: UUID, only: Literal["turn", "send", ""] = "") -> None:
    """Tell the turn runners that something waits in these conversations; `only` when it is known to be an input or a message to send.

    Losing it loses nothing: the sweeper looks too.
    """
    if not conversation_ids:
        return
    try:
        await redis.rpush(DOORBELL, *(f"{tenant_id}:{conversation_id}{only and ':' + only}" for conversation_id in conversation_ids))
    except Exception as error:
        log.warning("doorbell for %d conversations lost: %r", len(conversation_ids), error)


async def waiting_inputs(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> list[tuple[UUID, datetime]]:
    """The inputs of a conversation that wait for their turn, oldest first."""
    rows = await conn.execute(
        select(inbox.c.id, inbox.c.received_at)
        .where(inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == conversation_id, inbox.c.status == "pending")
        .order_by(inbox.c.id)
    )
    return [(row.id, row.received_at) for row in rows]
