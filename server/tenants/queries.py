"""What is read about workspaces and members."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.db import Database
from server.tenants.tables import members, tenants


async def workspace(connection: AsyncConnection, tenant_id: UUID) -> Row[Any]:
    """The tenant's own row."""
    return (await connection.execute(select(tenants).where(tenants.c.tenant_id == tenant_id))).one()


async def member(connection: AsyncConnection, tenant_id: UUID, member_id: UUID) -> Row[Any] | None:
    """One member, disabled or not."""
    return (await connection.execute(select(members).where(members.c.tenant_id == tenant_id, members.c.id == member_id))).one_or_none()


async def member_page(connection: AsyncConnection, tenant_id: UUID, after: UUID | None, limit: int) -> list[Row[Any]]:
    """Up to `limit` members in the order they joined, from the one behind `after` on."""
    wanted = select(members).where(members.c.tenant_id == tenant_id).order_by(members.c.id).limit(limit)
    return list((await connection.execute(wanted if after is None else wanted.where(members.c.id > after))).all())


async def members_by_email(db: Database, email: str) -> list[Row[Any]]:
    """Enabled members of any workspace with this address, the oldest first: for signing in, before the workspace is known."""
    async with db.lookup(email=email) as connection:
        wanted = select(members).where(members.c.email == email, members.c.disabled_at.is_(None)).order_by(members.c.created_at)
        return list((await connection.execute(wanted)).all())


async def workspaces_of_account(db: Database, account_id: UUID) -> Sequence[Row[Any, Any, Any]]:
    """(tenant_id, name, role) of every workspace the account can enter, by name."""
    async with db.lookup(account_id=account_id) as connection:
        wanted = (
            select(tenants.c.tenant_id, tenants.c.name, members.c.role)
            .join_from(members, tenants, members.c.tenant_id == tenants.c.tenant_id)
            .where(members.c.account_id == account_id, members.c.disabled_at.is_(None))
            .order_by(tenants.c.name, tenants.c.tenant_id)
        )
        return (await connection.execute(wanted)).all()


async def members_of_account(db: Database, account_id: UUID) -> list[Row[Any]]:
    """The account's enabled members: one for each workspace a person can enter, the oldest first."""
    async with db.lookup(account_id=account_id) as connection:
        wanted = select(members).where(members.c.account_id == account_id, members.c.disabled_at.is_(None)).order_by(members.c.created_at)
        return list((await connection.execute(wanted)).all())
