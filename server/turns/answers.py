"""What a message led to, as its sender is told: at once from the turn, or from the database when other turns had to come first."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.conversations.stream import topic_of
from server.kit.db import Database
from server.kit.errors import not_found
from server.kit.hot import together
from server.kit.live import Live
from server.turns.rows import Saved
from server.turns.statements import SAID, STANDING
from server.turns.take_turn import Conversation

LOOK_AGAIN_S = 1.0
NO_TURN = 2**31 - 1
UNDER_WAY = ("working", "queued")


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


async def settle(
    db: Database, live: Live, tenant_id: UUID, conversation_id: UUID, inbox_id: UUID, within_s: float, *, at_work: bool = False
) -> TurnAnswer:
    """The answer to a stored message, waited for while the conversation is still `at_work`."""
    where = (db, tenant_id, conversation_id, inbox_id)
    if not at_work:
        answer = await stored_answer(*where)
        if answer.status not in UNDER_WAY or (answer.status == "queued" and answer.waiting_for in ("timer", "event")):
            return answer
    until = time.monotonic() + within_s
    async with live.subscribe(tenant_id, topic_of(conversation_id)) as news:
        while True:
            left = until - time.monotonic()
            last = left <= 0 or news.ended
            answer = await stored_answer(*where, even_under_way=last)
            if last or answer.status not in UNDER_WAY:
                return answer
            look_at = time.monotonic() + min(LOOK_AGAIN_S, left)
            while (told := await news.wait(look_at - time.monotonic())) is not None and _leaves_all_as_it_is(told):
                continue


def _leaves_all_as_it_is(told: Mapping[str, Any]) -> bool:
    """Whether the news say that the conversation still waits for its call."""
    return bool(told["kind"] == "turn" and told["waiting_for"] == "call")


async def stored_answer(db: Database, tenant_id: UUID, conversation_id: UUID, inbox_id: UUID, *, even_under_way: bool = True) -> TurnAnswer:
    """The answer as far as it is known; without what was said so far while it is under way, unless that is wanted too."""
    row = await together(db, _standing).do(tenant_id, (conversation_id, inbox_id))
    if row["status"] is None or row["contact_id"] is None:
        raise not_found("message")
    contact_id, waiting_for, turn = row["contact_id"], row["waiting_for"], row["turn"]
    if turn is None:
        status = {"pending": "queued", "ignored": "ignored"}.get(row["status"], "failed")
        return TurnAnswer(conversation_id, contact_id, row["newest_turn"], status, (), waiting_for)
    status = "working" if row["next_turn"] is None and waiting_for == "call" else "answered"
    said: tuple[SaidMessage, ...] = ()
    if even_under_way or status == "answered":
        said = await together(db, _said).do(tenant_id, (conversation_id, turn, row["next_turn"] or NO_TURN))
    return TurnAnswer(conversation_id, contact_id, turn, status, said, waiting_for)


async def _standing(conn: Any, tenant_id: UUID, asked: Sequence[tuple[UUID, UUID]]) -> list[Any]:
    rows: list[Any] = await conn.fetch(STANDING, tenant_id, *map(list, zip(*asked, strict=True)))
    return rows


async def _said(conn: Any, tenant_id: UUID, asked: Sequence[tuple[UUID, int, int]]) -> list[tuple[SaidMessage, ...]]:
    said: list[list[SaidMessage]] = [[] for _ in asked]
    for row in await conn.fetch(SAID, tenant_id, *map(list, zip(*asked, strict=True))):
        if row["seq"] is not None:
            body = msgspec.json.decode(row["body"])
            said[row["n"] - 1].append(SaidMessage(row["seq"], row["direction"], body, row["at"], row["client_message_id"]))
    return [tuple(one) for one in said]
