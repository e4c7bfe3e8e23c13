"""A new password for an account, in every workspace at once."""

from sqlalchemy import text, update

from server.events.record import record
from server.security import blocklist, lockout, passwords
from server.security.door import Door
from server.security.identity import Identity
from server.security.links import forget_links
from server.security.sessions import lift_limit, revoke_sessions_of
from server.security.sign_in import wrong_password
from server.tenants import queries
from server.tenants.tables import members


async def change_password(door: Door, identity: Identity, *, current: str, new: str) -> None:
    """Set it and end the account's other sessions and links; `current` is not asked of an account that has none."""
    mine = await queries.members_of_account(door.db, identity.account_id)
    current_hash = next((member.password_hash for member in mine if member.id == identity.member_id), "")
    await lockout.count_for_member(door.db, identity.tenant_id, identity.member_id, door.client.address)
    if current_hash and not await passwords.verify_password(current_hash, passwords.normalised(current)):
        raise wrong_password()
    new_hash = await passwords.hash_password(passwords.check_password(new, identity.email))
    await lockout.forget_for_member(door.db, identity.tenant_id, identity.member_id, door.client.address)
    ended: list[blocklist.Ended] = []
    async with door.db.tenant(identity.tenant_id) as connection:
        await lift_limit(connection, identity)
        for member in mine:  # one commit over all workspaces of the account, each under its own policy
            await connection.execute(text("select set_config('app.tenant_id', :tenant_id, true)"), {"tenant_id": str(member.tenant_id)})
            one = (members.c.tenant_id == member.tenant_id, members.c.id == member.id)
            await connection.execute(update(members).where(*one).values(password_hash=new_hash))
            await forget_links(connection, member.tenant_id, member.id)
            await record(connection, member.tenant_id, "security.password_changed", {"member_id": str(member.id)})
            ended += await revoke_sessions_of(connection, member.tenant_id, member.id, but=identity.session_id)
    await blocklist.block(door.redis, *ended)
