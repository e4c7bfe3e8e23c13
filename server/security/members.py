"""Members as an owner manages them: what changes about a person ends their sessions in the same commit."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.record import record
from server.kit.db import Database
from server.kit.errors import not_found
from server.security import blocklist, links
from server.security.door import Door
from server.security.sessions import revoke_sessions_of
from server.tenants import queries
from server.tenants.change_members import add_member, change_member
from server.tenants.names import clean_email, clean_name


async def invite_member(db: Database, tenant_id: UUID, *, email: str, name: str, role: str) -> tuple[Row[Any], str]:
    """A new member and the token of their sign-in link."""
    address, shown = clean_email(email), clean_name(name, "name")
    async with db.tenant(tenant_id) as connection:
        member_id = await add_member(connection, tenant_id, email=address, name=shown, role=role)
        await _tell(connection, tenant_id, member_id, "added", role)
        token = await links.invite(db, connection, tenant_id, member_id)
        member = await queries.member(connection, tenant_id, member_id)
    assert member is not None
    return member, token


async def invite_again(db: Database, tenant_id: UUID, member_id: UUID) -> tuple[Row[Any], str]:
    """A new link for a member who has not set a password."""
    async with db.tenant(tenant_id) as connection:
        token = await links.invite(db, connection, tenant_id, member_id)
        member = await queries.member(connection, tenant_id, member_id)
    assert member is not None
    return member, token


async def update_member(door: Door, tenant_id: UUID, member_id: UUID, *, role: str | None = None, disabled: bool | None = None) -> Row[Any]:
    """Another role, or access taken or given back; old sessions of the member end, so the old rights end too."""
    ended: list[blocklist.Ended] = []
    async with door.db.tenant(tenant_id) as connection:
        before = await queries.member(connection, tenant_id, member_id)
        await change_member(connection, tenant_id, member_id, role=role, disabled=disabled)
        after = await queries.member(connection, tenant_id, member_id)
        if before is None or after is None:
            raise not_found("member")
        if (before.role, before.disabled_at) != (after.role, after.disabled_at):
            await links.forget_links(connection, tenant_id, member_id)
            ended = await revoke_sessions_of(connection, tenant_id, member_id)
        if before.role != after.role:
            await _tell(connection, tenant_id, member_id, "role", after.role)
        if (before.disabled_at is None) != (after.disabled_at is None):
            await _tell(connection, tenant_id, member_id, "enabled" if after.disabled_at is None else "disabled", after.role)
    await blocklist.block(door.redis, *ended)
    return after


async def _tell(connection: AsyncConnection, tenant_id: UUID, member_id: UUID, change: str, role: str) -> None:
    await record(connection, tenant_id, "security.member_changed", {"member_id": str(member_id), "change": change, "role": role})
