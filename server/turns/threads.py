"""Threads: the same conversations for programs that are signed in as members, at /api/v1/chat/threads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta, Struct
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.queries import Channel
from server.conversations import queries
from server.conversations.queries import Filters, find_conversation
from server.conversations.schemas import TranscriptMessage, TranscriptPage
from server.conversations.tables import inbox
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.security.identity import Identity
from server.turns.answers import TurnAnswer
from server.turns.chat import check_message, incoming_of
from server.turns.doors import Caller, doors_of
from server.turns.engine import Turns
from server.turns.hearing import heard
from server.turns.schemas import MOST_ATTACHMENTS, MOST_CHARACTERS, ContactIn, Key, LocationIn, MessageIn, MessageOut
from server.turns.tables import calls
from server.turns.upload_routes import attached_files

AnyRequest = Request[Any, Any, Any]

ROUTE = "/api/v1/chat/threads"
READ = {"permission": "conversations:read"}
WRITE = {"permission": "conversations:write"}
_THOUGHTS = ("llm", "nlu", "intent")


class NewThread(Struct, forbid_unknown_fields=True):
    """Which bot to talk to, and for whom: without a contact the member talks."""

    bot: UUID | None = None
    channel_id: UUID | None = None
    contact: ContactIn | None = None


class ThreadMessageIn(Struct, forbid_unknown_fields=True):
    """What is said: a text, a choice, attachments or a location. The same `client_message_id` is the same message."""

    text: Annotated[str, Meta(max_length=MOST_CHARACTERS)] | None = None
    choice: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    attachments: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_ATTACHMENTS)] | None = None
    location: LocationIn | None = None
    client_message_id: Key | None = None


class ThreadOut(Struct):
    """A thread."""

    id: UUID
    bot: UUID
    channel_id: UUID
    contact_id: str
    contact_name: str | None
    status: str
    outcome: str | None
    waiting_for: str | None
    message_count: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "ThreadOut":
        """The thread in a row of the conversations' queries."""
        who = (row.contact_external_id, row.contact_name)
        state = (row.status, row.outcome, row.waiting_for, row.last_seq)
        return cls(row.id, row.flow_id, row.channel_id, *who, *state, row.started_at, row.updated_at)


class ThreadPage(Struct):
    """Some threads, and the cursor of the next ones."""

    data: list[ThreadOut]
    next: str | None


class OpenedThread(ThreadOut):
    """A new thread, with what the bot said first."""

    messages: list[MessageOut]


class ThreadAnswer(Struct):
    """What a message led to.

    `tools_used` are the kinds of calls to the outside that the bot made for it; `confidence_score` is how sure the bot was of the
    intent, from 0 to 1, or null when it did not look for one.
    """

    thread_id: UUID
    turn: int
    status: str
    messages: list[MessageOut]
    waiting_for: str | None
    response_time_ms: float
    tools_used: list[str]
    confidence_score: float | None


@post(ROUTE, status_code=HTTP_201_CREATED, opt=WRITE)
async def open_thread(
    request: AnyRequest,
    data: JSONBody[NewThread],
    turns: NamedDependency[Turns],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> OpenedThread:
    """Start a thread with a bot; it says its first words at once."""
    channel = await _channel(request, data, identity)
    contact = data.contact or ContactIn(id=f"member-{identity.member_id}", name=identity.name)
    asked = MessageIn(client_message_id=uuid7().hex, start=True, contact=contact)
    incoming = await heard(request.app.state, channel, incoming_of(asked, channel, Caller(member=identity)))
    answer = await turns.take(incoming)
    async with db.tenant(identity.tenant_id) as conn:
        row = await find_conversation(conn, identity.tenant_id, answer.conversation_id)
    return OpenedThread(**msgspec.structs.asdict(ThreadOut.of(row)), messages=_said(answer))


@get(ROUTE, opt=READ)
async def list_threads(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
    status: FromQuery[str | None] = None,
    bot: FromQuery[UUID | None] = None,
    contact_id: FromQuery[str | None] = None,
) -> ThreadPage:
    """Threads, the one that moved last first; `q` searches what was said."""
    queries.check_limit(limit)
    filters = Filters(status=status, flow_id=bot, contact_id=contact_id, q=q)
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await queries.list_conversations(conn, identity.tenant_id, filters, limit=limit, cursor=cursor)
    return ThreadPage([ThreadOut.of(row) for row in rows], after)


@post(f"{ROUTE}/{{conversation_id:uuid}}/messages", status_code=HTTP_201_CREATED, opt=WRITE)
async def say_in_thread(
    request: AnyRequest,
    conversation_id: FromPath[UUID],
    data: JSONBody[ThreadMessageIn],
    turns: NamedDependency[Turns],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> ThreadAnswer:
    """Say something in a thread; the answer comes when the bot has nothing more to do, 25 seconds at most."""
    async with db.tenant(identity.tenant_id) as conn:
        row = await find_conversation(conn, identity.tenant_id, conversation_id)
    channel, caller = await doors_of(request.app.state).channel(row.channel_id), Caller(member=identity)
    said = {name: getattr(data, name) for name in ("text", "choice", "attachments", "location")}
    message = check_message(MessageIn(client_message_id=data.client_message_id or uuid7().hex, conversation_id=conversation_id, **said))
    attached = await attached_files(request.app.state, caller, message.attachments) if message.attachments else ((), None)
    answer = await turns.take(await heard(request.app.state, channel, incoming_of(message, channel, caller, attached)))
    async with db.tenant(identity.tenant_id) as conn:
        used, sure = await _tools(conn, identity.tenant_id, answer), await _confidence(conn, identity.tenant_id, answer)
    told = (answer.turn, answer.status, _said(answer), answer.waiting_for, answer.response_time_ms)
    return ThreadAnswer(answer.conversation_id, *told, used, sure)


@get(f"{ROUTE}/{{conversation_id:uuid}}/messages", opt=READ)
async def show_thread(
    conversation_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
) -> TranscriptPage:
    """What was said in a thread, in order."""
    queries.check_limit(limit)
    after = queries.read_number(cursor)
    async with db.tenant(identity.tenant_id) as conn:
        await find_conversation(conn, identity.tenant_id, conversation_id)
        rows = await queries.transcript(conn, identity.tenant_id, conversation_id, after=after, limit=limit + 1)
    found = [TranscriptMessage(**row._mapping) for row in rows[:limit]]
    return TranscriptPage(found, str(found[-1].seq) if len(rows) > limit else None)


async def _channel(request: AnyRequest, data: NewThread, identity: Identity) -> Channel:
    doors = doors_of(request.app.state)
    if (data.bot is None) == (data.channel_id is None):
        raise Problem(422, "invalid", "Say which bot: bot, or channel_id.", fields={"bot": "One of bot and channel_id is needed."})
    return await doors.channel(data.channel_id or await doors.channel_of_flow(identity, data.bot))  # type: ignore[arg-type]


def _said(answer: TurnAnswer) -> list[MessageOut]:
    return [MessageOut(one.seq, one.direction, dict(one.body), one.at, one.client_message_id) for one in answer.messages]


async def _tools(conn: AsyncConnection, tenant_id: UUID, answer: TurnAnswer) -> list[str]:
    """The kinds of calls to the outside since the message, each once; a model's thoughts are no tools."""
    here = calls.c.tenant_id == tenant_id, calls.c.conversation_id == answer.conversation_id, calls.c.turn >= answer.turn
    made: Sequence[str] = (await conn.scalars(select(calls.c.kind).where(*here).order_by(calls.c.created_at, calls.c.id))).all()
    return list(dict.fromkeys(kind for kind in made if kind.partition(".")[0] not in _THOUGHTS))


async def _confidence(conn: AsyncConnection, tenant_id: UUID, answer: TurnAnswer) -> float | None:
    """How sure the first classification was that the message led to."""
    sure = inbox.c.input["value"]["confidence"].as_float()
    here = inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == answer.conversation_id, inbox.c.turn == answer.turn
    classified = inbox.c.kind == "call_result", func.jsonb_typeof(inbox.c.input["value"]["confidence"]) == "number"
    found: float | None = await conn.scalar(select(sure).where(*here, *classified).order_by(inbox.c.turn_order).limit(1))
    return found


handlers = [open_thread, list_threads, say_in_thread, show_thread]
