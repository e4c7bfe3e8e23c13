"""Adds members and changes what they may do. A workspace always keeps one enabled owner."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.clock import now
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.tenants.tables import members


async def add_member(connection: AsyncConnection, tenant_id: UUID, *, email: str, name: str, role: str) -> UUID:
    """A new member without a password; raises a Problem when the workspace has this address already."""
    values = {"tenant_id": tenant_id, "id": uuid7(), "account_id": uuid7(), "email": email, "name": name, "password_hash": "", "role": role}
    added = await connection.scalar(insert(members).values(values).on_conflict_do_nothing().returning(members.c.id))
    if added is None:
        sentence = "This workspace already has a member with this e-mail address. Enable or change that member instead."
        raise Problem(409, "member_exists", sentence, fields={"email": sentence})
    member_id: UUID = added
    return member_id


async def change_member(connection: AsyncConnection, tenant_id: UUID, member_id: UUID, *, role: str | None, disabled: bool | None) -> None:
    """Change role or access; None leaves it. Raises a Problem for an unknown member and for the last owner."""
    await _lock_owners(connection, tenant_id)
    one = (members.c.tenant_id == tenant_id, members.c.id == member_id)
    current = (await connection.execute(select(members.c.role, members.c.disabled_at).where(*one).with_for_update())).one_or_none()
    if current is None:
        raise not_found("member")
    changes: dict[str, object] = {}
    if role is not None:
        changes["role"] = role
    if disabled is not None:
        changes["disabled_at"] = (current.disabled_at or now()) if disabled else None
    if changes:
        await connection.execute(update(members).where(*one).values(changes))
    if not await _lock_owners(connection, tenant_id):
        raise Problem(409, "last_owner", "A workspace needs an owner. Make somebody else an owner first.")


async def _lock_owners(connection: AsyncConnection, tenant_id: UUID) -> list[UUID]:
    """The enabled owners, locked, so that two owners cannot remove each other at the same moment."""
    owners = select(members.c.id).where(members.c.tenant_id == tenant_id, members.c.role == "owner", members.c.disabled_at.is_(None))
    return list((await connection.scalars(owners.order_by(members.c.id).with_for_update())).all())
