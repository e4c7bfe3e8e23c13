"""A new account with a workspace of its own; more workspaces for an account; going from one to another."""

from uuid import UUID

from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.security import lockout, passwords
from server.security.door import Door
from server.security.identity import Identity
from server.security.sessions import Renewed, is_limited, open_session
from server.tenants import queries
from server.tenants.create_workspace import create_workspace
from server.tenants.names import clean_email, clean_name

_REFUSED_REGISTRATIONS = 20


async def register(door: Door, *, organization: str, name: str, email: str, password: str) -> Renewed:
    """Account, workspace and session; refused when the address has an account already."""
    workspace_name, owner_name, address = clean_name(organization, "organization"), clean_name(name, "name"), clean_email(email)
    accepted = passwords.check_password(password, address)
    if await queries.members_by_email(door.db, address):
        await lockout.count_in_redis(
            door.redis, lockout.counter(door.keys.lockout, "register", door.client.address), _REFUSED_REGISTRATIONS
        )
        sentence = "There is an account with this e-mail address. Sign in; more workspaces can be added there."
        raise Problem(409, "email_taken", sentence, fields={"email": sentence})
    password_hash = await passwords.hash_password(accepted)
    return await _found(door, workspace_name, uuid7(), owner_name, address, password_hash)


async def add_workspace(door: Door, identity: Identity, name: str) -> Renewed:
    """One more workspace for the account of `identity`, entered at once."""
    workspace_name = clean_name(name, "name")
    async with door.db.tenant(identity.tenant_id) as connection:
        if await is_limited(connection, identity):
            raise _limited()
        member = await queries.member(connection, identity.tenant_id, identity.member_id)
    assert member is not None
    return await _found(door, workspace_name, identity.account_id, member.name, member.email, member.password_hash)


async def enter_workspace(door: Door, identity: Identity, tenant_id: UUID) -> Renewed:
    """A session in another workspace of the same account."""
    members = await queries.members_of_account(door.db, identity.account_id)
    member = next((member for member in members if member.tenant_id == tenant_id), None)
    if member is None:
        raise not_found("workspace")
    async with door.db.tenant(identity.tenant_id) as connection:
        limited = await is_limited(connection, identity)
    if limited and tenant_id != identity.tenant_id:
        raise _limited()
    async with door.db.tenant(tenant_id) as connection:
        return await open_session(connection, member, door.client, limited=limited)


async def _found(door: Door, name: str, account_id: UUID, owner_name: str, email: str, password_hash: str) -> Renewed:
    tenant_id = uuid7()
    async with door.db.tenant(tenant_id) as connection:
        member_id = await create_workspace(
            connection,
            tenant_id,
            name=name,
            account_id=account_id,
            owner_name=owner_name,
            owner_email=email,
            password_hash=password_hash,
        )
        member = await queries.member(connection, tenant_id, member_id)
        assert member is not None
        return await open_session(connection, member, door.client)


def _limited() -> Problem:
    return Problem(403, "set_a_password", "Set a password in the settings first: you came in by an invitation link.")
