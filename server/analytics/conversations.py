"""The conversations behind a figure, found by filters; one of them with what was said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, null, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics.tables import conversation_intents
from server.channels.tables import channels
from server.conversations.search import Wanted, found_message, mentions
from server.conversations.tables import contacts, conversations, messages
from server.flows.tables import flows
from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import not_found

PAGE = 50
BY = {"started": "Started", "ended": "Ended", "active": "With messages", "intent": "Intent recognised"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which conversations are wanted; None and empty mean any. `by` says what has to lie between `start` and `end`."""

    q: str = ""
    flow_id: UUID | None = None
    flow_version: int | None = None
    channel_id: UUID | None = None
    status: str = ""
    outcome: str = ""
    intent: str = ""
    by: str = "started"
    start: datetime | None = None
    end: datetime | None = None


async def find(
    connection: AsyncConnection, tenant_id: UUID, filters: Filters, wanted: Wanted | None, cursor: str = ""
) -> tuple[list[Any], str | None]:
    """A page of conversations, the newest first, and the cursor of the next page. `found`: the message in which a wanted word was said."""
    asked = _same_conversation(messages) & (messages.c.direction == "in")
    first = select(messages.c.body["text"].as_string()).where(asked).order_by(messages.c.seq).limit(1).scalar_subquery()
    recognised = conversation_intents.c.intent.label("intent")
    shown = (
        select(recognised)
        .where(_same_conversation(conversation_intents))
        .order_by(conversation_intents.c.first_at)
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            *(
                conversations.c[name]
                for name in ("id", "flow_id", "flow_version", "status", "outcome", "started_at", "updated_at", "last_seq")
            ),
            contacts.c.name.label("contact_name"),
            contacts.c.external_id,
            flows.c.name.label("flow_name"),
            channels.c.name.label("channel_name"),
            first.label("first_words"),
            shown.label("intent"),
            (null() if wanted is None else _found(wanted)).label("found"),
        )
        .select_from(_joined())
        .where(*_conditions(tenant_id, filters, wanted))
        .order_by(conversations.c.started_at.desc(), conversations.c.id.desc())
        .limit(PAGE + 1)
    )
    if cursor:
        query = query.where(tuple_(conversations.c.started_at, conversations.c.id) < tuple_(*read_cursor(cursor, tuple[datetime, UUID])))
    rows = list((await connection.execute(query)).all())
    following = write_cursor(rows[PAGE - 1].started_at, rows[PAGE - 1].id) if len(rows) > PAGE else None
    return rows[:PAGE], following


async def count(connection: AsyncConnection, tenant_id: UUID, filters: Filters, wanted: Wanted | None) -> int:
    """How many conversations the filters let through."""
    query = select(func.count()).select_from(_joined()).where(*_conditions(tenant_id, filters, wanted))
    return int((await connection.execute(query)).scalar_one())


async def one(connection: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Any:
    """The conversation with its contact, flow and channel; 404 when it is not this tenant's."""
    query: Select[Any] = (
        select(
            conversations,
            contacts.c.name.label("contact_name"),
            contacts.c.external_id,
            contacts.c.attributes,
            contacts.c.language,
            flows.c.name.label("flow_name"),
            channels.c.name.label("channel_name"),
        )
        .select_from(_joined())
        .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("conversation")
    return row


async def transcript(connection: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> list[Any]:
    """Every message of the conversation in order."""
    query = select(messages).where(messages.c.tenant_id == tenant_id, messages.c.conversation_id == conversation_id)
    return list((await connection.execute(query.order_by(messages.c.seq))).all())


def _found(wanted: Wanted) -> ScalarSelect[Any]:
    there = _same_conversation(messages) & (messages.c.seq == found_message(wanted))
    return select(messages.c.body["text"].as_string()).where(there).correlate(conversations).scalar_subquery()


def _joined() -> Any:
    return (
        conversations.join(contacts, and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id))
        .outerjoin(flows, and_(flows.c.tenant_id == conversations.c.tenant_id, flows.c.id == conversations.c.flow_id))
        .outerjoin(channels, and_(channels.c.tenant_id == conversations.c.tenant_id, channels.c.id == conversations.c.channel_id))
    )


def _same_conversation(table: Any) -> ColumnElement[bool]:
    return and_(table.c.tenant_id == conversations.c.tenant_id, table.c.conversation_id == conversations.c.id)


def _conditions(tenant_id: UUID, filters: Filters, wanted: Wanted | None) -> list[ColumnElement[bool]]:
    conditions = [conversations.c.tenant_id == tenant_id, conversations.c.is_test.is_(False)]
    for name in ("flow_id", "flow_version", "channel_id", "status", "outcome"):
        if (value := getattr(filters, name)) not in (None, ""):
            conditions.append(conversations.c[name] == value)
    conditions += _between(filters)
    if filters.intent and filters.by != "intent":
        conditions.append(_recognised(filters))
    if wanted is not None:
        conditions.append(mentions(tenant_id, wanted))
    return conditions


def _between(filters: Filters) -> list[ColumnElement[bool]]:
    if filters.by == "intent":
        return [_recognised(filters, *_range(conversation_intents.c.first_at, filters))]
    if filters.by == "active" and (filters.start or filters.end):
        return [select(1).where(_same_conversation(messages), *_range(messages.c.at, filters)).exists()]
    return _range(conversations.c.ended_at if filters.by == "ended" else conversations.c.started_at, filters)


def _range(column: ColumnElement[datetime], filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.start:
        conditions.append(column >= filters.start)
    if filters.end:
        conditions.append(column < filters.end)
    return conditions


def _recognised(filters: Filters, *when: ColumnElement[bool]) -> ColumnElement[bool]:
    named = [conversation_intents.c.intent == filters.intent] if filters.intent else []
    return select(1).where(_same_conversation(conversation_intents), *named, *when).exists()
