"""Deleting a flow, and taking that back within 30 days."""

from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.queries import TAKE_BACK
from server.flows.tables import flows
from server.kit.clock import now
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.jobs import enqueue


async def delete_flow(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> None:
    """Put the flow away; it stops answering and is removed for good after 30 days."""
    moment = now()
    gone = await conn.execute(
        update(flows).where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at.is_(None)).values(deleted_at=moment)
    )
    if gone.rowcount == 0:
        raise not_found("flow")
    await enqueue(conn, tenant_id, "flows.purge", {"flow_id": str(flow_id)}, due_at=moment + TAKE_BACK)


async def restore_flow(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> None:
    """Take a deletion back; Problem 404 when there is none, or its 30 days are over."""
    back = await conn.execute(
        update(flows)
        .where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at > now() - TAKE_BACK)
        .values(deleted_at=None)
    )
    if back.rowcount == 0:
        raise Problem(404, "not_found", "There is no deleted flow to take back here. Deleted flows are kept for 30 days.")


async def purge(db: Database, tenant_id: UUID, flow_id: UUID) -> None:
    """Remove the flow with all its versions when its 30 days are over."""
    async with db.tenant(tenant_id) as conn:
        await conn.execute(
            delete(flows).where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at <= now() - TAKE_BACK)
        )
