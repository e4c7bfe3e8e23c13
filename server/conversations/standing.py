"""How a conversation stands for the customer: with the bot, handed to a person (and how many are before them), or closed."""

from typing import Literal
from uuid import UUID

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import conversations


class Standing(Struct, frozen=True):
    """`line` is the customer's place among those who wait for a person, 1 for the next; None when it is not told."""

    status: Literal["open", "handed_off", "closed"] = "open"
    line: int | None = None


async def standing_of(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, *, in_line: bool) -> Standing:
    """The conversation's standing; its place in line when `in_line` says that the workspace closes what it has served."""
    c = conversations.c
    since = func.coalesce(c.ended_at, c.updated_at)
    wanted = select(c.status, c.outcome, since.label("since"), c.channel_id)
    row = (await conn.execute(wanted.where(c.tenant_id == tenant_id, c.id == conversation_id))).one_or_none()
    if row is None or row.status == "closed":
        return Standing("closed")
    if row.outcome != "handed_off":
        return Standing()
    if not in_line:
        return Standing("handed_off")
    waiting = (c.tenant_id == tenant_id) & (c.channel_id == row.channel_id) & (c.outcome == "handed_off") & (c.status != "closed")
    before = await conn.scalar(select(func.count()).where(waiting, since < row.since, c.is_test.is_(False)))
    return Standing("handed_off", (before or 0) + 1)
