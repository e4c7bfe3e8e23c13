"""Leases end at once, as if the half minute that they last had passed."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from server.kit.db import Database

LEASED = {"conversations": "", "calls": "and status = 'running'", "jobs": "and status = 'running'", "outbox": "and status = 'sending'"}
# What a process that stands still has locked stays locked.
_END = """
update {table} set lease_until = now()
where ctid = any(array(select ctid from {table} where lease_until > now() {held} for update skip locked))"""


async def end_leases(db: Database, tenant_ids: Iterable[UUID]) -> None:
    """Whoever has stopped working on something of these workspaces has lost it; whoever still works on it, too."""
    for tenant_id in tenant_ids:
        async with db.tenant(tenant_id) as conn:
            for table, held in LEASED.items():
                await conn.execute(text(_END.format(table=table, held=held)))
