"""What providers say became of the messages they took: delivered, read, or failed after all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Update, and_, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.contract import Status, Watermark
from server.conversations.outbox import in_conversation
from server.conversations.tables import contacts, conversations, early_receipts, messages, outbox
from server.conversations.tell import tell_of_message, tell_unsent
from server.kit import clock

EARLY_KEPT = timedelta(days=1)
_KNOWN = (outbox.c.conversation_id, outbox.c.seq, outbox.c.delivered_at, outbox.c.read_at)
FAILED = "The channel took the message but could not deliver it."


@dataclass(frozen=True, slots=True)
class Delivered:
    """How far a message got. `status` is pending, sending, sent, maybe, dead or dropped."""

    status: str
    error: str | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


async def record_statuses(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, statuses: Sequence[Status]) -> None:
    """Note what a provider says of our messages, in any order and as often as it likes: a message only gets further, and failed is final.

    What is said of a message whose id we do not know yet is kept until its sending is noted, or for a day.
    """
    ids = sorted({status.provider_id for status in statuses})
    if not ids:
        return
    await _one_at_a_time(conn, channel_id, ids)
    ours = (outbox.c.tenant_id == tenant_id, outbox.c.channel_id == channel_id, outbox.c.provider_id.in_(ids))
    known = set(await conn.scalars(select(outbox.c.provider_id).where(*ours)))
    early = [status for status in statuses if status.provider_id not in known]
    for status in statuses:
        if status.provider_id in known:
            await _note(conn, tenant_id, channel_id, status.provider_id, status.state, status.at, status.error)
    if early:
        place = {"tenant_id": tenant_id, "channel_id": channel_id, "noted_at": clock.now()}
        rows = [
            place | {"provider_id": one.provider_id, "state": one.state, "at": one.at, "error": one.error and one.error[:1_000]}
            for one in early
        ]
        await conn.execute(insert(early_receipts).values(rows).on_conflict_do_nothing())
        old = early_receipts.c.noted_at < clock.now() - EARLY_KEPT
        await conn.execute(delete(early_receipts).where(early_receipts.c.tenant_id == tenant_id, old))


async def record_watermarks(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, watermarks: Sequence[Watermark]) -> None:
    """Note up to when a customer got or read our messages. Our own time of them counts: the provider took them after it."""
    for mark in watermarks:
        theirs = (
            select(conversations.c.id)
            .join(contacts, and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id))
            .where(
                conversations.c.tenant_id == tenant_id,
                conversations.c.channel_id == channel_id,
                conversations.c.thread.is_not_distinct_from(mark.thread),
                contacts.c.external_id == mark.contact_id,
            )
        )
        written = exists().where(
            messages.c.tenant_id == outbox.c.tenant_id,
            messages.c.conversation_id == outbox.c.conversation_id,
            messages.c.seq == outbox.c.seq,
            messages.c.at <= mark.until,
        )
        noted = outbox.c.read_at if mark.state == "read" else outbox.c.delivered_at
        ours = (
            outbox.c.tenant_id == tenant_id,
            outbox.c.channel_id == channel_id,
            outbox.c.conversation_id.in_(theirs),
            outbox.c.status == "sent",
            noted.is_(None),
            written,
        )
        rows = (await conn.execute(select(*_KNOWN).where(*ours).order_by(*_KNOWN[:2]).with_for_update())).all()
        await _reached(conn, tenant_id, rows, mark.state, mark.until)


async def note_sent(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, channel_id: UUID, seq: int, lease_no: int, provider_id: str | None
) -> None:
    """The provider took the message; with it goes what it said of it before."""
    if provider_id is not None:
        await _one_at_a_time(conn, channel_id, [provider_id])
    await conn.execute(
        update(outbox)
        .where(*in_conversation(tenant_id, conversation_id), outbox.c.seq == seq, outbox.c.lease_no == lease_no)
        .values(status="sent", provider_id=provider_id, sent_at=clock.now(), error=None, lease_until=None)
    )
    if provider_id is not None:
        said = await conn.execute(
            delete(early_receipts)
            .where(
                early_receipts.c.tenant_id == tenant_id,
                early_receipts.c.channel_id == channel_id,
                early_receipts.c.provider_id == provider_id,
            )
            .returning(early_receipts.c.state, early_receipts.c.at, early_receipts.c.error)
        )
        for row in said:
            await _note(conn, tenant_id, channel_id, provider_id, row.state, row.at, row.error)


async def deliveries_of(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Mapping[int, Delivered]:
    """How far the messages of a conversation got, by number; only of channels that are sent their messages."""
    columns = (outbox.c.status, outbox.c.error, outbox.c.sent_at, outbox.c.delivered_at, outbox.c.read_at)
    rows = await conn.execute(select(outbox.c.seq, *columns).where(*in_conversation(tenant_id, conversation_id)))
    return {row.seq: Delivered(*row[1:]) for row in rows}


async def _note(
    conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, provider_id: str, state: str, at: datetime, error: str | None
) -> None:
    sent = (
        outbox.c.tenant_id == tenant_id,
        outbox.c.channel_id == channel_id,
        outbox.c.provider_id == provider_id,
        outbox.c.status == "sent",
    )
    rows = (await conn.execute(select(*_KNOWN).where(*sent))).all()
    if state == "failed":
        reason = (error or FAILED)[:1_000]
        for row in rows:
            if row.delivered_at is None:
                await conn.execute(_row(tenant_id, row).values(status="dead", error=reason))
                await tell_unsent(conn, tenant_id, row.conversation_id, row.seq, "dead", reason)
    elif state in ("delivered", "read"):
        await _reached(conn, tenant_id, rows, state, at)


async def _reached(conn: AsyncConnection, tenant_id: UUID, rows: Sequence[Any], state: str, at: datetime) -> None:
    """Note that these messages were delivered or read, and tell of what is new. What is read was delivered, too."""
    for row in rows:
        read_at = row.read_at or (at if state == "read" else None)
        delivered_at = row.delivered_at or at if state == "read" else min(row.delivered_at or at, at)
        await conn.execute(_row(tenant_id, row).values(delivered_at=delivered_at, read_at=read_at))
        if row.delivered_at is None:
            await tell_of_message(conn, tenant_id, row.conversation_id, "message.delivered", seq=row.seq)
        if row.read_at is None and read_at is not None:
            await tell_of_message(conn, tenant_id, row.conversation_id, "message.read", seq=row.seq)


def _row(tenant_id: UUID, row: Any) -> Update:
    return update(outbox).where(*in_conversation(tenant_id, row.conversation_id), outbox.c.seq == row.seq)


async def _one_at_a_time(conn: AsyncConnection, channel_id: UUID, provider_ids: Sequence[str]) -> None:
    """What the provider says and the end of our sending may come at the same moment: one of them waits, so that it sees the other."""
    for provider_id in provider_ids:
        key: Any = func.hashtextextended(f"{channel_id}:{provider_id}", 0)
        await conn.execute(select(func.pg_advisory_xact_lock(key)))
