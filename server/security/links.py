"""Links that sign a member in once: for the first start, and for members who have no password yet."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.clock import now
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.security.sessions import Client, Renewed, fingerprint, open_session, random_token
from server.security.tables import sign_in_links
from server.tenants import queries
from server.tenants.tables import members

OWNER_LIFETIME = timedelta(minutes=15)
INVITATION_LIFETIME = timedelta(hours=72)


async def create_owner_link(db: Database, tenant_id: UUID, member_id: UUID) -> str:
    """A token for `/sign-in/link?token=...` that works once within 15 minutes; for the operator of the server only."""
    async with db.tenant(tenant_id) as connection:
        return await _create(connection, tenant_id, member_id, OWNER_LIFETIME, limited=False)


async def invite(db: Database, connection: AsyncConnection, tenant_id: UUID, member_id: UUID) -> str:
    """A token for a member who has no password yet; earlier ones stop working. `connection` is the tenant's transaction.

    Refused for people with a password or a second workspace: the link would hand their account to whoever makes it.
    """
    member = await queries.member(connection, tenant_id, member_id)
    if member is None:
        raise not_found("member")
    elsewhere = [other for other in await queries.members_of_account(db, member.account_id) if other.tenant_id != tenant_id]
    if member.password_hash or elsewhere or member.disabled_at:
        raise Problem(409, "has_password", "This member signs in with a password of their own or is disabled; a link cannot be made.")
    await forget_links(connection, tenant_id, member_id)
    return await _create(connection, tenant_id, member_id, INVITATION_LIFETIME, limited=True)


async def redeem(db: Database, token: str, client: Client) -> Renewed | None:
    """The session that the link opens; None when it was used, is too old or never existed."""
    token_hash = fingerprint(token)
    async with db.lookup(token_hash=token_hash) as connection:
        tenant_id = await connection.scalar(select(sign_in_links.c.tenant_id).where(sign_in_links.c.token_hash == token_hash))
    if tenant_id is None:
        return None
    async with db.tenant(tenant_id) as connection:
        used = await _use(connection, tenant_id, token_hash)
        member = await queries.member(connection, tenant_id, used.member_id) if used else None
        if used is None or member is None or member.disabled_at:
            return None
        return await open_session(connection, member, client, limited=used.limited)


async def forget_links(connection: AsyncConnection, tenant_id: UUID, member_id: UUID) -> None:
    """No link of this member works any more."""
    mine = (sign_in_links.c.tenant_id == tenant_id, sign_in_links.c.member_id == member_id)
    await connection.execute(delete(sign_in_links).where(*mine))


async def _create(connection: AsyncConnection, tenant_id: UUID, member_id: UUID, lifetime: timedelta, *, limited: bool) -> str:
    if await connection.scalar(select(members.c.id).where(members.c.tenant_id == tenant_id, members.c.id == member_id)) is None:
        raise not_found("member")
    token = random_token()
    values = {"tenant_id": tenant_id, "id": uuid7(), "member_id": member_id, "token_hash": fingerprint(token), "limited": limited}
    await connection.execute(insert(sign_in_links).values(**values, expires_at=now() + lifetime))
    return token


async def _use(connection: AsyncConnection, tenant_id: UUID, token_hash: str) -> Row[Any] | None:
    fresh = (sign_in_links.c.used_at.is_(None), sign_in_links.c.expires_at > now())
    use = update(sign_in_links).where(sign_in_links.c.tenant_id == tenant_id, sign_in_links.c.token_hash == token_hash, *fresh)
    return (await connection.execute(use.values(used_at=now()).returning(sign_in_links.c.member_id, sign_in_links.c.limited))).one_or_none()
