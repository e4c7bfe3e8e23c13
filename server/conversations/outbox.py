"""The rows of what must go out: the head of each conversation is looked at, put off, claimed and noted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.tables import channels
from server.conversations.tables import delivery_pauses, outbox
from server.conversations.tell import tell_unsent
from server.kit import clock

LEASE = timedelta(seconds=30)
PLACE_KEEPS = timedelta(seconds=5)
SPREAD_S = 5.0
UNKNOWN = "The sender stopped in the middle: the message may have arrived, so it is not sent again."


@dataclass(frozen=True, slots=True)
class Head:
    """The oldest message of a conversation that is not over. `place_at` was given by the channel's rate; None when it has to ask."""

    seq: int
    channel_id: UUID
    kind: str
    settings: dict[str, Any]
    due_at: datetime
    place_at: datetime | None
    paused_until: datetime | None


async def give_up_unknown(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> None:
    """A message whose sender died while sending may have arrived."""
    unknown = (
        update(outbox)
        .where(*in_conversation(tenant_id, conversation_id), outbox.c.status == "sending", outbox.c.lease_until <= clock.now())
        .values(status="maybe", error=UNKNOWN, lease_until=None)
        .returning(outbox.c.seq)
    )
    for seq in (await conn.scalars(unknown)).all():
        await tell_unsent(conn, tenant_id, conversation_id, seq, "maybe", UNKNOWN)


async def head_of(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Head | None:
    """The message that goes next, if it is due and nobody is sending one of this conversation."""
    now = clock.now()
    other = outbox.alias("other")
    sending = exists(
        select(other.c.seq).where(other.c.tenant_id == tenant_id, other.c.conversation_id == conversation_id, other.c.status == "sending")
    )
    row = (
        await conn.execute(
            select(
                outbox.c.seq,
                outbox.c.channel_id,
                outbox.c.due_at,
                outbox.c.place_at,
                channels.c.kind,
                channels.c.settings,
                delivery_pauses.c.until,
            )
            .join(channels, and_(channels.c.tenant_id == outbox.c.tenant_id, channels.c.id == outbox.c.channel_id))
            .outerjoin(
                delivery_pauses,
                and_(
                    delivery_pauses.c.tenant_id == outbox.c.tenant_id,
                    delivery_pauses.c.channel_id == outbox.c.channel_id,
                    delivery_pauses.c.until > now,
                ),
            )
            .where(*in_conversation(tenant_id, conversation_id), outbox.c.status == "pending", ~sending)
            .order_by(outbox.c.seq)
            .limit(1)
        )
    ).first()
    if row is None or row.due_at > now:
        return None
    place_at = row.place_at if row.place_at is not None and row.place_at > now - PLACE_KEEPS else None
    return Head(row.seq, row.channel_id, row.kind, row.settings, row.due_at, place_at, row.until)


async def put_off(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, seq: int, due_at: datetime, place_at: datetime | None = None
) -> bool:
    """Look at the message again at `due_at`; False when somebody else has it by now."""
    changed = await conn.execute(
        update(outbox)
        .where(*in_conversation(tenant_id, conversation_id), outbox.c.seq == seq, outbox.c.status == "pending")
        .values(due_at=due_at, place_at=place_at)
    )
    return changed.rowcount > 0


async def claim(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, seq: int) -> Any:
    """Take the head of a conversation, if it still is; (seq, attempts, lease_no, parts_sent) or None."""
    now: datetime = clock.now()
    other = outbox.alias("other")
    before = exists(
        select(other.c.seq).where(
            other.c.tenant_id == tenant_id,
            other.c.conversation_id == conversation_id,
            (other.c.status == "sending") | ((other.c.status == "pending") & (other.c.seq < seq)),
        )
    )
    claimed = (
        update(outbox)
        .where(
            *in_conversation(tenant_id, conversation_id), outbox.c.seq == seq, outbox.c.status == "pending", outbox.c.due_at <= now, ~before
        )
        .values(status="sending", attempts=outbox.c.attempts + 1, lease_no=outbox.c.lease_no + 1, lease_until=now + LEASE, place_at=None)
        .returning(outbox.c.seq, outbox.c.attempts, outbox.c.lease_no, outbox.c.parts_sent)
    )
    return (await conn.execute(claimed)).first()


async def pause_channel(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, until: datetime, reason: str) -> None:
    """Send nothing to a channel before `until`; what waits goes on spread over some seconds. A longer pause stays."""
    pause = insert(delivery_pauses).values(tenant_id=tenant_id, channel_id=channel_id, until=until, reason=reason)
    await conn.execute(
        pause.on_conflict_do_update(
            index_elements=["tenant_id", "channel_id"],
            set_={"until": pause.excluded.until, "reason": pause.excluded.reason},
            where=delivery_pauses.c.until < pause.excluded.until,
        )
    )
    await conn.execute(
        update(outbox)
        .where(outbox.c.tenant_id == tenant_id, outbox.c.channel_id == channel_id, outbox.c.status == "pending", outbox.c.due_at < until)
        .values(due_at=until + func.random() * text(f"interval '{SPREAD_S} seconds'"), place_at=None)
    )


def in_conversation(tenant_id: UUID, conversation_id: UUID) -> tuple[Any, Any]:
    """The rows of one conversation."""
    return outbox.c.tenant_id == tenant_id, outbox.c.conversation_id == conversation_id
