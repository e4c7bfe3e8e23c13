"""What a conversation says, as server-sent events: every message after the last one seen, then what happens, as it happens.

Messages are read from the database and numbered, so a cut stream goes on where it stopped. The news that comes over `live` is only the
wake-up, and carries what is never stored: typing, and the text of an answer that is still being written. In case news gets lost, a stream
also looks by itself: soon where something is going on, rarely where nothing is, or a thousand idle widgets would keep the database busy.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.standing import Standing, standing_of
from server.conversations.tables import conversations, messages
from server.conversations.token import ConversationToken
from server.kit.db import Database, is_away
from server.kit.errors import Problem
from server.kit.live import Live

HISTORY = 200
EARLIER = 100
PING_S = 15.0
SOONEST_LOOK_S = 2.0
RAREST_LOOK_S = 60.0
LOOKS_AT_ONCE = 6
STREAMS_PER_CONVERSATION = 8
STREAMS_PER_ADDRESS = 200
STREAMS_PER_CHANNEL = 5_000

_PING = b": ping\n\n"
_SLACK_S = 0.1  # a timer may go off a little early
_NEVER_STORED = frozenset({"delta", "typing"})
_PASSED_ON = _NEVER_STORED | {"turn"}


class Seats:
    """How many streams are open in this process: nobody may take them all."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()

    def check(self, token: ConversationToken, address: str) -> None:
        """Problem 429 when one more stream would be too many."""
        if any(self._taken[place] >= limit for place, limit in _places(token, address).items()):
            raise Problem(
                429, "too_many_streams", "Too many chats are open from here. Close some and try again.", headers={"Retry-After": "10"}
            )

    @contextmanager
    def take(self, token: ConversationToken, address: str) -> Iterator[None]:
        """Hold a seat for the length of the block."""
        places = _places(token, address).keys()
        self._taken.update(places)
        try:
            yield
        finally:
            self._taken.subtract(places)
            self._taken = +self._taken


def topic_of(conversation_id: UUID) -> str:
    """The live topic of a conversation's news: turns."""
    return f"conversation:{conversation_id}"


def words_of(conversation_id: UUID) -> str:
    """The live topic of what is never stored: the words of a model while it writes. Who only waits for an answer does not listen."""
    return f"words:{conversation_id}"


async def check_conversation(db: Database, token: ConversationToken) -> None:
    """Problem 404 unless the token's conversation still exists."""
    wanted = select(conversations.c.id).where(conversations.c.tenant_id == token.tenant_id, conversations.c.id == token.conversation_id)
    async with _few_at_once(db), db.tenant(token.tenant_id) as connection:
        if await connection.scalar(wanted) is None:
            raise Problem(404, "conversation_not_found", "This conversation does not exist any more. Start a new one.")


async def event_stream(
    db: Database, live: Live, tenant_id: UUID, conversation_id: UUID, after: int, *, in_line: bool = False
) -> AsyncIterator[bytes]:
    """The events of a conversation after message `after`, until the listener or the process is gone; `in_line`: with its place in line."""
    async with live.subscribe(tenant_id, topic_of(conversation_id), words_of(conversation_id)) as news:
        yield _PING  # the headers are out, the browser knows that it is connected
        last, look, pause, look_at = after, True, SOONEST_LOOK_S, 0.0
        told: Mapping[str, Any] | None = None
        known = Standing()
        while not news.ended:
            seen = await _look(db, tenant_id, conversation_id, last, in_line=in_line) if look else None
            rows, standing = seen or ((), known)
            for row in rows:
                last, pause = row["seq"], SOONEST_LOOK_S
                yield _frame("message", row, last)
            if standing != known:
                known = standing
                yield _frame("standing", standing)
            if look:
                look_at = time.monotonic() + (SOONEST_LOOK_S if seen is None else pause)
                pause = min(pause * 3, RAREST_LOOK_S)
            if told is not None and told["kind"] in _PASSED_ON:
                yield _frame(told["kind"], {name: value for name, value in told.items() if name != "kind"})
            told = await news.wait(min(PING_S, max(0.0, look_at - time.monotonic())))
            look = look_at - time.monotonic() < _SLACK_S if told is None else told["kind"] not in _NEVER_STORED
            if told is None:
                yield _PING


async def _look(
    db: Database, tenant_id: UUID, conversation_id: UUID, after: int, *, in_line: bool
) -> tuple[Sequence[dict[str, Any]], Standing] | None:
    """The messages after `after`, and how the conversation stands; None when the database is away: no reason to cut the stream."""
    try:
        async with _few_at_once(db), db.tenant(tenant_id) as connection:
            rows = await _messages(connection, tenant_id, conversation_id, after)
            return rows, await standing_of(connection, tenant_id, conversation_id, in_line=in_line)
    except Exception as error:
        if not is_away(error):
            raise
        return None


def _few_at_once(db: Database) -> asyncio.Semaphore:
    """A thousand streams that look at the same moment wait for each other, without a limit of time, and leave connections to the rest."""
    gate: asyncio.Semaphore = db.shared.setdefault(_few_at_once, asyncio.Semaphore(LOOKS_AT_ONCE))
    return gate


async def _messages(connection: AsyncConnection, tenant_id: UUID, conversation_id: UUID, after: int) -> list[dict[str, Any]]:
    """Every message after `after`, in order; of a long history only the end."""
    here = (messages.c.tenant_id == tenant_id) & (messages.c.conversation_id == conversation_id)
    start = func.greatest(after, select(func.max(messages.c.seq) - HISTORY).where(here).scalar_subquery())
    rows = await connection.execute(select(*_shown()).where(here, messages.c.seq > start).order_by(messages.c.seq))
    return [dict(row) for row in rows.mappings()]


async def history(db: Database, tenant_id: UUID, conversation_id: UUID, before: int) -> list[dict[str, Any]]:
    """The last messages before message `before`, oldest first."""
    here = (messages.c.tenant_id == tenant_id) & (messages.c.conversation_id == conversation_id)
    wanted = select(*_shown()).where(here, messages.c.seq < before).order_by(messages.c.seq.desc()).limit(EARLIER)
    async with db.tenant(tenant_id) as connection:
        return [dict(row) for row in (await connection.execute(wanted)).mappings()][::-1]


def _shown() -> list[Any]:
    return [messages.c[name] for name in ("seq", "direction", "body", "at", "client_message_id", "turn")]


def _frame(event: str, data: Mapping[str, Any] | msgspec.Struct, number: int | None = None) -> bytes:
    """One server-sent event; JSON has no line breaks, so one data line is enough."""
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data))


def _places(token: ConversationToken, address: str) -> dict[tuple[str, str], int]:
    return {
        ("conversation", str(token.conversation_id)): STREAMS_PER_CONVERSATION,
        ("address", address): STREAMS_PER_ADDRESS,
        ("channel", str(token.channel_id)): STREAMS_PER_CHANNEL,
    }
