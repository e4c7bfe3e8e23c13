"""What can be read of conversations and messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.search import found_message, mentions, wanted_of
from server.conversations.tables import contacts, conversations, messages
from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import Problem, not_found

PAGE = 50
MOST = 200
_SHOWN = (
    *("id", "channel_id", "contact_id", "flow_id", "flow_version", "is_test", "status", "outcome", "waiting_for", "turn", "last_seq"),
    *("started_at", "updated_at", "ended_at"),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which conversations are wanted; None means any. Conversations of the Test panel are left out unless asked for."""

    status: str | None = None
    outcome: str | None = None
    flow_id: UUID | None = None
    channel_id: UUID | None = None
    contact_id: str | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    is_test: bool = False
    q: str = ""


def check_limit(limit: int) -> None:
    """Problem 422 unless a page may have so many rows."""
    if not 1 <= limit <= MOST:
        raise Problem(422, "bad_limit", f"Ask for 1 to {MOST} at a time.", fields={"limit": f"Use 1 to {MOST}."})


def read_number(cursor: str | None) -> int:
    """The number of the message that a transcript's cursor names; Problem 422."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Problem(422, "bad_cursor", "This page marker cannot be read. Start again at the first page.", fields={"cursor": "damaged"})
    return int(cursor)


def _wanted() -> Any:
    who = and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id)
    return select(
        *(conversations.c[name] for name in _SHOWN),
        contacts.c.external_id.label("contact_external_id"),
        contacts.c.name.label("contact_name"),
        contacts.c.language.label("contact_language"),
    ).join(contacts, who)


async def list_conversations(
    conn: AsyncConnection, tenant_id: UUID, filters: Filters, *, limit: int = PAGE, cursor: str | None = None
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of conversations, the one that moved last first, and where the next page starts. `found_seq`: the message that was found."""
    query = _wanted().where(conversations.c.tenant_id == tenant_id, *_conditions(filters))
    if (wanted := await wanted_of(conn, filters.q)) is not None:
        query = query.where(mentions(tenant_id, wanted)).add_columns(found_message(wanted).label("found_seq"))
    if cursor is not None:
        query = query.where(tuple_(conversations.c.updated_at, conversations.c.id) < tuple_(*read_cursor(cursor, tuple[datetime, UUID])))
    query = query.order_by(conversations.c.updated_at.desc(), conversations.c.id.desc()).limit(limit + 1)
    rows = (await conn.execute(query)).all()
    after = write_cursor(rows[limit - 1].updated_at, rows[limit - 1].id) if len(rows) > limit else None
    return rows[:limit], after


def _conditions(filters: Filters) -> list[Any]:
    exact = {"status": filters.status, "outcome": filters.outcome, "flow_id": filters.flow_id, "channel_id": filters.channel_id}
    found = [conversations.c[name] == value for name, value in exact.items() if value is not None]
    if filters.contact_id is not None:
        found.append(contacts.c.external_id == filters.contact_id)
    if filters.started_from is not None:
        found.append(conversations.c.started_at >= filters.started_from)
    if filters.started_before is not None:
        found.append(conversations.c.started_at < filters.started_before)
    return [*found, conversations.c.is_test.is_(filters.is_test)]


async def find_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Row[Any]:
    """One conversation with its contact; Problem 404."""
    query = _wanted().where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
    row: Row[Any] | None = (await conn.execute(query)).one_or_none()
    if row is None:
        raise not_found("conversation")
    return row


async def transcript(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, *, after: int = 0, limit: int = MOST
) -> Sequence[Row[Any]]:
    """The messages after number `after`, in order."""
    names = ("seq", "turn", "direction", "body", "at", "client_message_id")
    query = (
        select(*(messages.c[name] for name in names))
        .where(messages.c.tenant_id == tenant_id, messages.c.conversation_id == conversation_id, messages.c.seq > after)
        .order_by(messages.c.seq)
        .limit(limit)
    )
    return (await conn.execute(query)).all()
