"""JSON: registering, signing in and out, sessions, the password."""

from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from redis.asyncio import Redis

from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.security.change_password import change_password
from server.security.door import Door
from server.security.identity import Identity
from server.security.register import register
from server.security.schemas import Credentials, PasswordChange, Refresh, Registration, Session, SessionList, Tokens
from server.security.sessions import Refused, live_sessions, renew, revoke_session
from server.security.sign_in import sign_in

_OPEN = {"public": True, "same_origin": "api"}
_ANY_MEMBER = {"permission": "workspace:read"}


@post("/api/v1/auth/register", opt=_OPEN, tags=["auth"])
async def register_organization(data: JSONBody[Registration], request: Request[Any, Any, Any]) -> Tokens:
    """Make an account with a workspace of its own and sign in."""
    door = Door.of(request)
    session = await register(door, organization=data.organization, name=data.name, email=data.email, password=data.password)
    return Tokens.of(door.keys.access, session)


@post("/api/v1/auth/login", opt=_OPEN, status_code=200, tags=["auth"])
async def login(data: JSONBody[Credentials], request: Request[Any, Any, Any]) -> Tokens:
    """Sign in; five wrong tries make everybody at this address wait."""
    door = Door.of(request)
    return Tokens.of(door.keys.access, await sign_in(door, data.email, data.password))


@post("/api/v1/auth/refresh", opt=_OPEN, status_code=200, tags=["auth"])
async def refresh(data: JSONBody[Refresh], request: Request[Any, Any, Any]) -> Tokens:
    """Change the refresh token for the next pair; a token that comes twice ends the session."""
    door = Door.of(request)
    try:
        return Tokens.of(door.keys.access, await renew(door.db, door.redis, door.keys.refresh, data.refresh_token))
    except Refused:
        raise Problem(401, "session_ended", "This session has ended. Sign in again.") from None


@post("/api/v1/auth/logout", opt=_ANY_MEMBER, status_code=204, tags=["auth"])
async def logout(identity: NamedDependency[Identity], db: NamedDependency[Database], redis: NamedDependency[Redis]) -> None:
    """End the session of this token."""
    await revoke_session(db, redis, identity.tenant_id, identity.member_id, identity.session_id)


@post("/api/v1/auth/password", opt=_ANY_MEMBER, status_code=204, tags=["auth"])
async def set_password(data: JSONBody[PasswordChange], identity: NamedDependency[Identity], request: Request[Any, Any, Any]) -> None:
    """Set the account's password; its other sessions end."""
    await change_password(Door.of(request), identity, current=data.current_password, new=data.new_password)


@get("/api/v1/auth/sessions", opt=_ANY_MEMBER, tags=["auth"])
async def list_sessions(identity: NamedDependency[Identity], db: NamedDependency[Database]) -> SessionList:
    """Where you are signed in to this workspace."""
    async with db.tenant(identity.tenant_id) as connection:
        rows = await live_sessions(connection, identity.tenant_id, identity.member_id)
    return SessionList(
        [Session(row.id, row.address, row.user_agent, row.created_at, row.expires_at, row.id == identity.session_id) for row in rows]
    )


@delete("/api/v1/auth/sessions/{session_id:uuid}", opt=_ANY_MEMBER, tags=["auth"])
async def end_session(
    session_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database], redis: NamedDependency[Redis]
) -> None:
    """Sign out somewhere else."""
    if not await revoke_session(db, redis, identity.tenant_id, identity.member_id, session_id):
        raise not_found("session")


handlers: list[Any] = [register_organization, login, refresh, logout, set_password, list_sessions, end_session]
