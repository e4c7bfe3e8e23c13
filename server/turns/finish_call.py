"""The end of a call, however it came: its result is stored as an input once, and the conversation can go on."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import CallResult, input_to_json
from server.conversations.tables import conversations, inbox
from server.events.record import record
from server.kit import clock
from server.kit.calls import CallEnd, OpenCall
from server.kit.db import Database
from server.kit.ids import uuid7
from server.turns.rows import LEASE_S
from server.turns.tables import calls
from server.turns.take_turn import new_seed

OPEN = ("pending", "running")


async def claim_call(db: Database, tenant_id: UUID, call_id: str) -> OpenCall | None:
    """Take the lease of a call nobody performs now; None when it is over, gone, or somebody else's."""
    now = clock.now()
    async with db.tenant(tenant_id) as conn:
        row = (
            await conn.execute(
                update(calls)
                .where(
                    calls.c.tenant_id == tenant_id,
                    calls.c.id == call_id,
                    calls.c.status.in_(OPEN),
                    or_(calls.c.lease_until.is_(None), calls.c.lease_until <= now),
                )
                .values(
                    status="running",
                    attempts=calls.c.attempts + 1,
                    lease_no=calls.c.lease_no + 1,
                    lease_until=now + timedelta(seconds=LEASE_S),
                )
                .returning(
                    calls.c.conversation_id,
                    calls.c.kind,
                    calls.c.payload,
                    calls.c.timeout_s,
                    calls.c.due_at,
                    calls.c.attempts,
                    calls.c.lease_no,
                    calls.c.retry_times,
                    calls.c.retry_pause_s,
                )
            )
        ).first()
    if row is None:
        return None
    return OpenCall(
        tenant_id,
        call_id,
        row.conversation_id,
        row.kind,
        row.payload,
        float(row.timeout_s),
        row.due_at,
        row.attempts,
        row.lease_no,
        row.retry_times,
        float(row.retry_pause_s),
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
    async with db.tenant(call.tenant_id) as conn:
        return await _finish(conn, call.tenant_id, call.id, end, *_ours(call))


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
    error = None if end.error is None else {"kind": end.error.kind, "message": end.error.message}
    closed = (
        await conn.execute(
            update(calls)
            .where(*where)
            .values(
                status="done" if end.ok else "failed",
                result={"ok": end.ok, "value": end.value, "error": error},
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
    given = CallResult(call_id=call_id, ok=end.ok, value=end.value, error=end.error, at=clock.now(), seed=new_seed())
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
        props = {"kind": closed.kind, "ok": end.ok, "ms": round(end.ms)} | ({} if end.error is None else {"error": end.error.kind})
        await record(conn, tenant_id, "call.finished", props, **where_it_was)
        if end.usage is not None:
            await record(conn, tenant_id, "model.used", end.usage, **where_it_was)
    return True


def _ours(call: OpenCall) -> tuple[Any, ...]:
    return calls.c.tenant_id == call.tenant_id, calls.c.id == call.id, calls.c.lease_no == call.lease_no, calls.c.status.in_(OPEN)
