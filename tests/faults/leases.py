"""The leases of conversations end at once, as if the half minute that they last had passed."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from server.kit.db import Database

# What a process that stands still has locked stays locked.
_END = """
update conversations set lease_until = now()
where ctid = any(array(select ctid from conversations where lease_until > now() for update skip locked))"""


async def end_leases(db: Database, tenant_ids: Iterable[UUID]) -> None:
    """Whoever takes a turn of these workspaces has lost it, dead or not. Calls keep theirs: they would be made twice at the same time."""
    for tenant_id in tenant_ids:
        async with db.tenant(tenant_id) as conn:
            await conn.execute(text(_END))
