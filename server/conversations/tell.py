"""Events of this room: how far a message of the bot got, and whether its channel works."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import conversations, delivery_pauses
from server.events.record import record

_TYPE = {"dead": "message.failed", "maybe": "message.uncertain"}
LONGEST_REASON = 1_000


async def tell_of_message(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, type: str, **props: Any) -> None:
    """An event about a message of a conversation, with the places that events of its turns have; none about a test."""
    wanted = (conversations.c.flow_id, conversations.c.flow_version, conversations.c.channel_id, conversations.c.is_test)
    ours = (conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
    place = (await conn.execute(select(*wanted).where(*ours))).one()
    if not place.is_test:
        where = {"flow_id": place.flow_id, "flow_version": place.flow_version, "channel_id": place.channel_id}
        await record(conn, tenant_id, type, props, conversation_id=conversation_id, **where)


async def tell_unsent(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, seq: int, status: str, reason: str) -> None:
    """A message became `dead`, or nobody knows (`maybe`)."""
    await tell_of_message(conn, tenant_id, conversation_id, _TYPE[status], seq=seq, reason=reason[:LONGEST_REASON])


async def tell_blocked(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, reason: str) -> None:
    """A channel takes nothing until somebody mends it. Told once, however many messages show it."""
    await _change(conn, tenant_id, channel_id, blocked=True, reason=reason)


async def tell_open(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID) -> None:
    """A channel took a message: if it was blocked it works again."""
    await _change(conn, tenant_id, channel_id, blocked=False, reason="The channel takes messages again.")


async def _change(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, *, blocked: bool, reason: str) -> None:
    one = (delivery_pauses.c.tenant_id == tenant_id, delivery_pauses.c.channel_id == channel_id, delivery_pauses.c.blocked != blocked)
    if (await conn.execute(update(delivery_pauses).where(*one).values(blocked=blocked))).rowcount:
        status = "failing" if blocked else "working"
        props = {"part": "channel", "part_id": str(channel_id), "status": status, "reason": reason[:LONGEST_REASON]}
        await record(conn, tenant_id, "health.changed", props, channel_id=channel_id)
