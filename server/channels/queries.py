"""Reads of channels."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.tables import channels
from server.kit.db import Database
from server.kit.errors import Problem


@dataclass(frozen=True, slots=True)
class Channel:
    """Where customers reach a flow."""

    tenant_id: UUID
    id: UUID
    kind: str
    name: str
    flow_id: UUID | None
    settings: dict[str, Any]
    allowed_origins: tuple[str, ...]


async def kinds_of_flow(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> list[str]:
    """The kinds of channels by which customers reach the flow, each once; the web chat for a flow that has none yet."""
    query = select(channels.c.kind).where(channels.c.tenant_id == tenant_id, channels.c.flow_id == flow_id, channels.c.enabled)
    return sorted(set(await conn.scalars(query.distinct()))) or ["web"]


async def find_channel(db: Database, channel_id: UUID) -> Channel:
    """The channel with this id, of whichever tenant; Problem 404 when there is none or it is switched off."""
    wanted = select(channels).where(channels.c.id == channel_id, channels.c.enabled)
    async with db.lookup(channel_id=channel_id) as connection:
        row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        raise Problem(404, "channel_not_found", "There is no such channel, or it is switched off.")
    return Channel(row.tenant_id, row.id, row.kind, row.name, row.flow_id, row.settings, tuple(row.allowed_origins))
