"""Signing in with e-mail address and password."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.record import record
from server.kit.errors import Problem
from server.security import lockout, passwords
from server.security.door import Door
from server.security.sessions import Renewed, open_session
from server.tenants import queries
from server.tenants.names import MAX_EMAIL, clean_email

MAX_ACCOUNTS = 5
_TRIES_OF_ADDRESS = 200


async def sign_in(door: Door, email: str, password: str) -> Renewed:
    """A session in the oldest workspace of the account; the answer to a wrong address and a wrong password is the same."""
    typed = passwords.normalised(password)
    address = clean_email(email) if len(email) <= MAX_EMAIL else ""
    here = lockout.counter(door.keys.lockout, "sign-in", address, door.client.address)
    await lockout.count_in_redis(door.redis, lockout.counter(door.keys.lockout, "address", door.client.address), _TRIES_OF_ADDRESS)
    await lockout.count_in_redis(door.redis, here)
    candidates = _one_of_each_account(await queries.members_by_email(door.db, address))
    for candidate in candidates:
        await lockout.count_for_member(door.db, candidate.tenant_id, candidate.id, door.client.address)
    member = await _first_that_fits(candidates, typed)
    if member is None:
        for candidate in candidates:
            async with door.db.tenant(candidate.tenant_id) as connection:
                await _tell(connection, candidate, "security.sign_in_failed", door)
        raise wrong_password()
    await lockout.forget_in_redis(door.redis, here)
    for candidate in candidates:
        await lockout.forget_for_member(door.db, candidate.tenant_id, candidate.id, door.client.address)
    async with door.db.tenant(member.tenant_id) as connection:
        await _tell(connection, member, "security.signed_in", door)
        return await open_session(connection, member, door.client)


async def _tell(connection: AsyncConnection, member: Row[Any], type: str, door: Door) -> None:
    await record(connection, member.tenant_id, type, {"member_id": str(member.id), "address": door.client.address[:64]})


def wrong_password() -> Problem:
    """401 that does not tell whether the address is known."""
    return Problem(401, "wrong_password", "The e-mail address and the password do not fit together. Check both and try again.")


def _one_of_each_account(members: list[Row[Any]]) -> list[Row[Any]]:
    """The oldest member of each account; several people may have been added under one address in different workspaces."""
    first: dict[UUID, Row[Any]] = {}
    for member in members:
        first.setdefault(member.account_id, member)
    return list(first.values())[:MAX_ACCOUNTS]


async def _first_that_fits(candidates: list[Row[Any]], password: str) -> Row[Any] | None:
    for member in candidates:
        if await passwords.verify_password(member.password_hash, password):
            return member
    if not candidates:
        await passwords.verify_password(None, password)
    return None
