"""Makes a workspace with its first owner; renames it."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.ids import uuid7
from server.tenants.tables import members, tenants


async def create_workspace(
    connection: AsyncConnection, tenant_id: UUID, *, name: str, account_id: UUID, owner_name: str, owner_email: str, password_hash: str = ""
) -> UUID:
    """Insert workspace `tenant_id` and its owner, whose member id is returned; `connection` is `db.tenant(tenant_id)`.

    An empty `password_hash` means that nobody can sign in with a password yet.
    """
    member_id = uuid7()
    await connection.execute(insert(tenants).values(tenant_id=tenant_id, name=name))
    await connection.execute(
        insert(members).values(
            tenant_id=tenant_id,
            id=member_id,
            account_id=account_id,
            email=owner_email,
            name=owner_name,
            password_hash=password_hash,
            role="owner",
        )
    )
    return member_id


async def rename_workspace(connection: AsyncConnection, tenant_id: UUID, name: str) -> None:
    """Give the workspace another name."""
    await connection.execute(tenants.update().where(tenants.c.tenant_id == tenant_id).values(name=name))
