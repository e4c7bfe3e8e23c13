"""Every turn of a conversation as it ran: what came in, the path, what it set, the calls with their answers."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import inbox
from server.turns.masking import masked
from server.turns.tables import calls, turns


class CallOut(msgspec.Struct):
    """A call of a turn and its answer; what looks like a secret is masked."""

    id: str
    kind: str
    node_id: str
    status: str
    payload: dict[str, Any]
    result: dict[str, Any] | None
    ms: int | None
    attempts: int


class TurnOut(msgspec.Struct):
    """One turn."""

    turn: int
    flow_version: int
    inputs: list[dict[str, Any]]
    path: list[dict[str, Any]]
    effects: list[dict[str, Any]]
    calls: list[CallOut]
    waiting_for: str | None
    failure: dict[str, Any] | None
    ms: float
    at: datetime


class UnusedInput(msgspec.Struct):
    """An input without a turn: it waits, was ignored, or was tried in vain."""

    input: dict[str, Any]
    status: str
    attempts: int
    error: str | None
    received_at: datetime


class Trace(msgspec.Struct):
    """All turns of a conversation, and the inputs that have none."""

    turns: list[TurnOut]
    unused: list[UnusedInput]


async def trace_of(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Trace:
    """The conversation's trace."""
    inputs, unused = await _inputs(conn, tenant_id, conversation_id)
    made = await _calls(conn, tenant_id, conversation_id)
    rows = await conn.execute(
        select(turns).where(turns.c.tenant_id == tenant_id, turns.c.conversation_id == conversation_id).order_by(turns.c.turn)
    )
    found = [
        TurnOut(
            row.turn,
            row.flow_version,
            inputs[row.turn],
            row.path,
            masked(row.effects),
            made[row.turn],
            row.waiting_for,
            row.failure,
            float(row.ms),
            row.at,
        )
        for row in rows
    ]
    return Trace(found, unused)


async def _inputs(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID
) -> tuple[Mapping[int, list[dict[str, Any]]], list[UnusedInput]]:
    rows = await conn.execute(
        select(inbox)
        .where(inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == conversation_id)
        .order_by(inbox.c.turn, inbox.c.turn_order, inbox.c.id)
    )
    used: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    unused: list[UnusedInput] = []
    for row in rows:
        if row.turn is not None:
            used[row.turn].append(masked(row.input))
        else:
            unused.append(UnusedInput(masked(row.input), row.status, row.attempts, row.error, row.received_at))
    return used, unused


async def _calls(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Mapping[int, list[CallOut]]:
    rows = await conn.execute(
        select(calls).where(calls.c.tenant_id == tenant_id, calls.c.conversation_id == conversation_id).order_by(calls.c.created_at)
    )
    made: defaultdict[int, list[CallOut]] = defaultdict(list)
    for row in rows:
        made[row.turn].append(
            CallOut(row.id, row.kind, row.node_id, row.status, masked(row.payload), masked(row.result), row.ms, row.attempts)
        )
    return made
