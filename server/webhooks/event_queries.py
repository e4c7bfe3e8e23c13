"""Reads what happened lately, for the pages of the catalogue of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.tables import bad_events
from server.kit import clock
from server.kit.tables import events

LATELY = timedelta(days=1)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Lately:
    """How often a type of event happened in the last day, and when last."""

    count: int
    last_at: datetime


async def happened_lately(conn: AsyncConnection, tenant_id: UUID) -> Mapping[str, Lately]:
    """By type; none for a type that did not happen."""
    rows = await conn.execute(select(events.c.type, func.count(), func.max(events.c.at)).where(*_lately(tenant_id)).group_by(events.c.type))
    return {row[0]: Lately(row[1], row[2]) for row in rows}


async def last_events(conn: AsyncConnection, tenant_id: UUID, type: str) -> Sequence[Row[Any]]:
    """The newest of a type in the last day, SHOWN at most."""
    query = select(events).where(*_lately(tenant_id), events.c.type == type)
    return (await conn.execute(query.order_by(events.c.at.desc(), events.c.id.desc()).limit(SHOWN))).all()


async def put_aside(conn: AsyncConnection, tenant_id: UUID) -> int:
    """How many events wait among the dead letters."""
    query = select(func.count()).select_from(bad_events).where(bad_events.c.tenant_id == tenant_id, bad_events.c.status == "dead")
    return await conn.scalar(query) or 0


def _lately(tenant_id: UUID) -> tuple[Any, Any]:
    return events.c.tenant_id == tenant_id, events.c.at > clock.now() - LATELY
