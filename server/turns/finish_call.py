"""The end of a call, however it came: its result is stored as an input once, and the conversation can go on."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import CallResult, input_to_json
from server.conversations.tables import conversations, inbox
from server.events.catalogue import check
from server.events.record import record
from server.kit import clock
from server.kit.calls import CallEnd, OpenCall
from server.kit.db import Database, to_json
from server.kit.hot import together
from server.kit.ids import uuid7
from server.turns.rows import LEASE_S
from server.turns.statements import CLAIM_CALLS, FINISH_CALLS
from server.turns.tables import calls
from server.turns.take_turn import new_seed

OPEN = ("pending", "running")


async def claim_call(db: Database, tenant_id: UUID, call_id: str) -> OpenCall | None:
    """Take the lease of a call nobody performs now; None when it is over, gone, or somebody else's."""
    return await together(db, _claim).do(tenant_id, call_id)


async def _claim(conn: Any, tenant_id: UUID, call_ids: Sequence[str]) -> list[OpenCall | None]:
    rows = await conn.fetch(CLAIM_CALLS, tenant_id, list(dict.fromkeys(call_ids)), clock.now(), LEASE_S)
    found = {row["id"]: _open_call(tenant_id, row) for row in rows}
    return [found.pop(call_id, None) for call_id in call_ids]


def _open_call(tenant_id: UUID, row: Any) -> OpenCall:
    return OpenCall(
        tenant_id,
        row["id"],
        row["conversation_id"],
        row["kind"],
        msgspec.json.decode(row["payload"]),
        row["timeout_s"],
        row["due_at"],
        row["attempts"],
        row["lease_no"],
        row["retry_times"],
        row["retry_pause_s"],
    )


async def renew_call(db: Database, call: OpenCall) -> bool:
    """Keep the lease a while longer; False when it went to somebody else."""
    async with db.tenant(call.tenant_id) as conn:
        kept = await conn.execute(update(calls).where(*_ours(call)).values(lease_until=clock.now() + timedelta(seconds=LEASE_S)))
    return kept.rowcount == 1


async def give_call_back(db: Database, call: OpenCall) -> None:
    """Let another try take the call at once."""
    async with db.tenant(call.tenant_id) as conn:
        await conn.execute(update(calls).where(*_ours(call)).values(lease_until=clock.now()))


async def finish_call(db: Database, call: OpenCall, end: CallEnd) -> bool:
    """Store how the call ended, as an input of its conversation; False when somebody else was first."""
    if end.also is None:
        return await together(db, _finish_many).do(call.tenant_id, (call, end))
    async with db.tenant(call.tenant_id) as conn:
        return await _finish(conn, call.tenant_id, call.id, end, *_ours(call))


async def _finish_many(conn: Any, tenant_id: UUID, ended: Sequence[tuple[OpenCall, CallEnd]]) -> list[bool]:
    """The ends of calls that nothing else has to be written with."""
    rows = []
    for call, end in ended:
        given = _input_of(call.id, end)
        told = _told(call.kind, end)
        check("call.finished", told)
        if end.usage is not None:
            check("model.used", end.usage)
        usage = None if end.usage is None else to_json(end.usage)
        status = "done" if end.ok else "failed"
        fields = (call.id, call.lease_no, status, to_json(_result_of(end)), round(end.ms), given.at, uuid7(), to_json(input_to_json(given)))
        rows.append((*fields, to_json(told), usage))
    ours = {row["id"] for row in await conn.fetch(FINISH_CALLS, tenant_id, *map(list, zip(*rows, strict=True)))}
    return [call.id in ours for call, _ in ended]


def _result_of(end: CallEnd) -> dict[str, Any]:
    return {
        "ok": end.ok,
        "value": end.value,
        "error": None if end.error is None else {"kind": end.error.kind, "message": end.error.message},
    }


def _input_of(call_id: str, end: CallEnd) -> CallResult:
    return CallResult(call_id=call_id, ok=end.ok, value=end.value, error=end.error, at=clock.now(), seed=new_seed())


def _told(kind: str, end: CallEnd) -> dict[str, Any]:
    """The event `call.finished`."""
    return {"kind": kind, "ok": end.ok, "ms": round(end.ms)} | ({} if end.error is None else {"error": end.error.kind})


async def give_up_call(db: Database, tenant_id: UUID, call_id: str) -> UUID | None:
    """End a call whose time is up; the conversation to go on with, or None when the call was over after all."""
    end = CallEnd.failed("timeout", "There was no answer in time.")
    late = (calls.c.tenant_id == tenant_id, calls.c.id == call_id, calls.c.status.in_(OPEN), calls.c.due_at <= clock.now())
    async with db.tenant(tenant_id) as conn:
        conversation_id: UUID | None = await conn.scalar(select(calls.c.conversation_id).where(*late))
        if conversation_id is None or not await _finish(conn, tenant_id, call_id, end, *late):
            return None
    return conversation_id


async def _finish(conn: AsyncConnection, tenant_id: UUID, call_id: str, end: CallEnd, *where: Any) -> bool:
    closed = (
        await conn.execute(
            update(calls)
            .where(*where)
            .values(
                status="done" if end.ok else "failed",
                result=_result_of(end),
                ms=round(end.ms),
                lease_until=None,
                finished_at=clock.now(),
            )
            .returning(calls.c.conversation_id, calls.c.kind)
        )
    ).first()
    if closed is None:
        return False
    if end.also is not None:
        await end.also(conn)
    place = (
        await conn.execute(
            select(conversations.c.channel_id, conversations.c.flow_id, conversations.c.flow_version, conversations.c.is_test).where(
                conversations.c.tenant_id == tenant_id, conversations.c.id == closed.conversation_id
            )
        )
    ).one()
    given = _input_of(call_id, end)
    await conn.execute(
        insert(inbox)
        .values(
            tenant_id=tenant_id,
            id=uuid7(),
            conversation_id=closed.conversation_id,
            channel_id=place.channel_id,
            external_id=f"call:{call_id}",
            input=input_to_json(given),
            received_at=given.at,
        )
        .on_conflict_do_nothing()
    )
    if not place.is_test:
        where_it_was = {
            "conversation_id": closed.conversation_id,
            "flow_id": place.flow_id,
            "flow_version": place.flow_version,
            "channel_id": place.channel_id,
        }
        await record(conn, tenant_id, "call.finished", _told(closed.kind, end), **where_it_was)
        if end.usage is not None:
            await record(conn, tenant_id, "model.used", end.usage, **where_it_was)
    return True


def _ours(call: OpenCall) -> tuple[Any, ...]:
    return calls.c.tenant_id == call.tenant_id, calls.c.id == call.id, calls.c.lease_no == call.lease_no, calls.c.status.in_(OPEN)
