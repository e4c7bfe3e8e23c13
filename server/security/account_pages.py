"""Pages: the person's own account."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.security.change_password import change_password
from server.security.door import Door
from server.security.forms import ButtonData, PasswordData
from server.security.identity import Identity
from server.security.roles import allows
from server.security.sessions import live_sessions, revoke_session
from server.tenants import queries

AnyRequest = Request[Any, Any, Any]
# The first mark that is found counts: browsers name the ones before them, too.
_PROGRAMS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))
_ANY_MEMBER = {"permission": "workspace:read"}


@get("/settings/account", opt=_ANY_MEMBER, include_in_schema=False)
async def show_account(request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]) -> Response[str]:
    """Password and sessions."""
    return await _account(request, identity, db)


@post("/settings/account/password", opt=_ANY_MEMBER, include_in_schema=False)
async def submit_password(
    data: PasswordData, request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Response[Any]:
    """Change the password; the other sessions end."""
    try:
        await change_password(Door.of(request), identity, current=data.current_password, new=data.password)
    except Problem as problem:
        return await _account(request, identity, db, problem=problem)
    return await _account(request, identity, db, changed=True)


@post("/settings/account/sessions/{session_id:uuid}/end", opt=_ANY_MEMBER, include_in_schema=False)
async def submit_end_of_session(
    data: ButtonData,
    session_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
) -> Response[Any]:
    """Sign out somewhere else."""
    if not await revoke_session(db, redis, identity.tenant_id, identity.member_id, session_id):
        raise not_found("session")
    return pages.go_to(request, "/settings/account")


async def _account(
    request: AnyRequest, identity: Identity, db: Database, *, problem: Problem | None = None, changed: bool = False
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as connection:
        member = await queries.member(connection, identity.tenant_id, identity.member_id)
        sessions = await live_sessions(connection, identity.tenant_id, identity.member_id)
    return pages.render(
        request,
        "security/account.html",
        status=problem.status if problem else 200,
        headers=problem.headers if problem else None,
        has_password=bool(member and member.password_hash),
        sessions=sessions,
        programs={session.id: program_of(session.user_agent) for session in sessions},
        may_see_members=allows(identity.role, "members:read"),
        changed=changed,
        problem=problem,
    )


def program_of(user_agent: str) -> str:
    """What somebody signed in with, in words: "Firefox on Windows"."""
    program = next((name for mark, name in _PROGRAMS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return " on ".join(part for part in (program or user_agent.partition("/")[0][:40] or "Unknown program", system) if part)


handlers: list[Any] = [show_account, submit_password, submit_end_of_session]
