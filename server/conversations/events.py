"""The door for events: another system tells a conversation that something has happened. It is kept like a message, once."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import EventReceived, State, input_to_json
from server.conversations.inbox import Accepted, Arrival, accept
from server.conversations.tables import conversations, inbox
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7

MOST_BYTES = 64 * 1024
MOST_WAITING = 100
LONGEST_NAME = 100
UNNAMED = "callback"
"""The event of a request to the address alone: what Wait for an event waits for unless told otherwise."""

EARLIEST = timedelta(days=1)

_KEY = re.compile(r"[A-Za-z0-9_.:+/=-]{1,128}")
_UNSEEN = frozenset(("pending", "early"))


@dataclass(frozen=True, slots=True)
class Event:
    """What another system says. The same `key` for a conversation is the same event."""

    name: str
    payload: Mapping[str, Any]
    key: str | None = None


def read_event(name: str, body: bytes, content_type: str, key: str | None) -> Event:
    """The event of a request: its name from the address, a JSON object (or nothing) as the body. Problem 413, 415 or 422."""
    if len(body) > MOST_BYTES:
        raise Problem(413, "too_large", f"An event may have {MOST_BYTES // 1024} kB. Send an id and let the flow fetch the rest.")
    kind = content_type.partition(";")[0].strip().lower()
    if body and kind and kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, "not_json", "Send the event's content as a JSON object, with `Content-Type: application/json`.")
    try:
        payload = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        raise Problem(422, "not_json", "The body is not JSON. Send a JSON object, or no body at all.") from None
    if not isinstance(payload, dict):
        raise Problem(422, "not_an_object", 'Send a JSON object, `{"name": value}`: the flow reads its parts by name.')
    return event_of(name, payload, key)


def event_of(name: str, payload: Mapping[str, Any], key: str | None) -> Event:
    """The event with its parts checked; Problem 422."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        sentence = f"An event has a name of 1 to {LONGEST_NAME} letters, digits and signs."
        raise Problem(422, "bad_event_name", sentence, fields={"name": sentence})
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(422, "bad_idempotency_key", "An Idempotency-Key has 1 to 128 letters, digits and signs of _.:+/=-.")
    if "\\u0000" in msgspec.json.encode(payload).decode():
        raise Problem(422, "invalid", "The event holds a NUL character, which cannot be kept. Take it out.")
    return Event(name, payload, key)


async def accept_event(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, event: Event) -> Accepted:
    """Keep the event for the conversation, in the caller's transaction; ring its doorbell after the commit.

    Problem 404 for an unknown conversation, 409 for one that has ended and listens to no such event, 422 for a key that was used for
    another event, 429 when too much waits already.
    """
    row = (
        await conn.execute(
            select(conversations.c.channel_id, conversations.c.state).where(
                conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id
            )
        )
    ).first()
    if row is None:
        raise not_found("conversation")
    given = EventReceived(name=event.name, payload=event.payload, at=clock.now(), seed=secrets.randbits(48))
    if known := await _known(conn, tenant_id, row.channel_id, conversation_id, event):
        return known
    state = None if row.state is None else State.from_json(row.state)
    if state is not None and state.waiting_for == "ended" and not state.accepts(given):
        raise Problem(409, "conversation_ended", f'This conversation has ended and does not listen to "{event.name}" any more.')
    await _check_room(conn, tenant_id, conversation_id)
    key = _key_of(conversation_id, event) if event.key is not None else f"event:{uuid7()}"
    return await accept(conn, Arrival(tenant_id, row.channel_id, key, input_to_json(given), conversation_id))


async def forget_early_events(db: Database) -> int:
    """An event that a flow has not waited for within a day is put aside. Returns how many."""
    late = (inbox.c.status == "early", inbox.c.received_at <= clock.now() - EARLIEST)
    async with db.sweep() as conn:
        tenants = list(await conn.scalars(select(inbox.c.tenant_id).where(*late).distinct()))
    forgotten = 0
    for tenant_id in tenants:
        async with db.tenant(tenant_id) as conn:
            done = await conn.execute(
                update(inbox)
                .where(inbox.c.tenant_id == tenant_id, *late)
                .values(status="ignored", error="the flow did not wait for this event", processed_at=clock.now())
            )
        forgotten += done.rowcount
    return forgotten


def _key_of(conversation_id: UUID, event: Event) -> str:
    return f"event:{conversation_id}:{event.key}"


async def _known(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, conversation_id: UUID, event: Event) -> Accepted | None:
    if event.key is None:
        return None
    row = (
        await conn.execute(
            select(inbox.c.id, inbox.c.input).where(
                inbox.c.tenant_id == tenant_id,
                inbox.c.channel_id == channel_id,
                inbox.c.external_id == _key_of(conversation_id, event),
            )
        )
    ).first()
    if row is None:
        return None
    if (row.input.get("name"), row.input.get("payload")) != (event.name, event.payload):
        raise Problem(422, "idempotency_key_used", "This Idempotency-Key was used for another event. Give each event a key of its own.")
    return Accepted(row.id, conversation_id, False)


async def _check_room(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> None:
    waiting = select(func.count()).where(
        inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == conversation_id, inbox.c.status.in_(_UNSEEN)
    )
    if (await conn.scalar(waiting) or 0) >= MOST_WAITING:
        raise Problem(
            429, "too_many_events", "Too many events wait in this conversation. Send the next one later.", headers={"Retry-After": "10"}
        )
