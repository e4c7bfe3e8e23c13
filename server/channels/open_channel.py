"""Opening a channel for a flow."""

from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.tables import channels
from server.kit.ids import uuid7


async def web_channel_of(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> UUID | None:
    """The flow's web channel: its hosted page and its widget."""
    channel_id: UUID | None = await conn.scalar(
        select(channels.c.id)
        .where(channels.c.tenant_id == tenant_id, channels.c.flow_id == flow_id, channels.c.kind == "web")
        .order_by(channels.c.created_at)
        .limit(1)
    )
    return channel_id


async def open_web_channel(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, name: str) -> UUID:
    """The flow's web channel, made when it has none."""
    known = await web_channel_of(conn, tenant_id, flow_id)
    if known is not None:
        return known
    channel_id = uuid7()
    await conn.execute(insert(channels).values(tenant_id=tenant_id, id=channel_id, kind="web", name=name, flow_id=flow_id))
    return channel_id
