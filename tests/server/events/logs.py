"""An event log for tests."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.tables import events
from server.tenants.tables import tenants


async def make_tenant(db: Database) -> UUID:
    """A workspace with nothing in it."""
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as conn:
        await conn.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
    return tenant_id


async def log(conn: AsyncConnection, tenant_id: UUID, type: str, **props: Any) -> None:
    """Write an event as the turn does: nothing looks at it."""
    await conn.execute(insert(events).values(tenant_id=tenant_id, type=type, props=props))


async def log_messages(db: Database, tenant_id: UUID, *numbers: int) -> None:
    """One transaction with messages of these numbers."""
    async with db.tenant(tenant_id) as conn:
        for number in numbers:
            await log(conn, tenant_id, "message.sent", turn=1, seq=number)


async def told_of(db: Database, tenant_id: UUID, topic: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a topic, in order: what happened (the part behind the dot), and the properties."""
    async with db.tenant(tenant_id) as conn:
        rows = await conn.execute(select(events.c.type, events.c.props).where(events.c.type.startswith(f"{topic}.")).order_by(events.c.id))
        return [(row.type.partition(".")[2], row.props) for row in rows]
