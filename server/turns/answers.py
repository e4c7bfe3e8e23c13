"""What a message led to, as its sender is told: at once from the turn, or from the database when other turns had to come first."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.stream import topic_of
from server.conversations.tables import conversations, inbox, messages
from server.kit.db import Database
from server.kit.errors import not_found
from server.kit.live import Live
from server.turns.rows import Saved
from server.turns.take_turn import Conversation

LOOK_AGAIN_S = 1.0
NO_TURN = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SaidMessage:
    """One message of the transcript."""

    seq: int
    direction: str
    body: Mapping[str, Any]
    at: datetime
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """What a message led to.

    `status`: answered; working (a call is not over yet); queued (another turn must end first); ignored; failed (tried in vain).
    """

    conversation_id: UUID
    contact_id: UUID
    turn: int
    status: str
    messages: tuple[SaidMessage, ...]
    waiting_for: str | None
    response_time_ms: float = 0.0

    @classmethod
    def of_nothing(cls, conversation: Conversation) -> "TurnAnswer":
        """The answer to what needs none."""
        return cls(conversation.id, conversation.contact.id, conversation.turn, "ignored", (), conversation.waiting_for)

    def timed(self, ms: float) -> "TurnAnswer":
        """The same with the time it took."""
        return replace(self, response_time_ms=round(ms, 2))


def answer_at_once(saved: Saved) -> TurnAnswer:
    """The answer of a turn that has just been committed."""
    said = tuple(SaidMessage(**message) for message in saved.messages)
    taken = saved.taken
    return TurnAnswer(taken.conversation.id, taken.conversation.contact.id, saved.turn, "answered", said, taken.state.waiting_for)


async def settle(db: Database, live: Live, tenant_id: UUID, conversation_id: UUID, inbox_id: UUID, within_s: float) -> TurnAnswer:
    """The answer to a stored message, waited for while the conversation is still at work."""
    until = time.monotonic() + within_s
    answer = await stored_answer(db, tenant_id, conversation_id, inbox_id)
    if answer.status not in ("working", "queued") or (answer.status == "queued" and answer.waiting_for in ("timer", "event")):
        return answer
    async with live.subscribe(tenant_id, topic_of(conversation_id)) as news:
        while answer.status in ("working", "queued"):
            answer = await stored_answer(db, tenant_id, conversation_id, inbox_id)
            left = until - time.monotonic()
            if left <= 0 or news.ended:
                break
            if answer.status in ("working", "queued"):
                await news.wait(min(LOOK_AGAIN_S, left))
    return answer


async def stored_answer(db: Database, tenant_id: UUID, conversation_id: UUID, inbox_id: UUID) -> TurnAnswer:
    """The answer as far as it is known."""
    async with db.tenant(tenant_id) as conn:
        row = (
            await conn.execute(
                select(
                    inbox.c.status,
                    inbox.c.turn,
                    conversations.c.contact_id,
                    conversations.c.waiting_for,
                    conversations.c.turn.label("newest_turn"),
                )
                .join(conversations, and_(conversations.c.tenant_id == inbox.c.tenant_id, conversations.c.id == inbox.c.conversation_id))
                .where(inbox.c.tenant_id == tenant_id, inbox.c.id == inbox_id, inbox.c.conversation_id == conversation_id)
            )
        ).first()
        if row is None:
            raise not_found("message")
        if row.turn is None:
            status = {"pending": "queued", "ignored": "ignored"}.get(row.status, "failed")
            return TurnAnswer(conversation_id, row.contact_id, row.newest_turn, status, (), row.waiting_for)
        next_turn = await _next_customer_turn(conn, tenant_id, conversation_id, row.turn)
        said = await _said(conn, tenant_id, conversation_id, row.turn, next_turn)
    status = "working" if next_turn is None and row.waiting_for == "call" else "answered"
    return TurnAnswer(conversation_id, row.contact_id, row.turn, status, said, row.waiting_for)


async def _next_customer_turn(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, turn: int) -> int | None:
    found: int | None = await conn.scalar(
        select(func.min(messages.c.turn)).where(
            messages.c.tenant_id == tenant_id,
            messages.c.conversation_id == conversation_id,
            messages.c.direction == "in",
            messages.c.turn > turn,
        )
    )
    return found


async def _said(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, turn: int, before_turn: int | None
) -> tuple[SaidMessage, ...]:
    rows = await conn.execute(
        select(messages.c.seq, messages.c.direction, messages.c.body, messages.c.at, messages.c.client_message_id)
        .where(
            messages.c.tenant_id == tenant_id,
            messages.c.conversation_id == conversation_id,
            messages.c.turn >= turn,
            messages.c.turn < (before_turn or NO_TURN),
        )
        .order_by(messages.c.seq)
    )
    return tuple(SaidMessage(**row) for row in rows.mappings())
