"""Pages: the people of the workspace."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import Settings
from server.security.door import Door
from server.security.forms import ButtonData, MemberChangeData, MemberData
from server.security.identity import Identity
from server.security.member_routes import link_address
from server.security.members import invite_again, invite_member, update_member
from server.security.roles import ROLES, Role, allows
from server.tenants import queries

AnyRequest = Request[Any, Any, Any]
_PAGE = 50
_NOTHING_TYPED = {"name": "", "email": "", "role": "editor"}


@get("/settings/members", opt={"permission": "members:read"}, include_in_schema=False)
async def show_members(
    request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database], cursor: FromQuery[UUID | None] = None
) -> Response[str]:
    """Who may do what here."""
    return await _members(request, identity, db, cursor=cursor)


@post("/settings/members", opt={"permission": "members:write"}, include_in_schema=False)
async def submit_member(
    data: MemberData,
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Add a member and show the link to hand over."""
    try:
        member, token = await invite_member(db, identity.tenant_id, email=data.email, name=data.name, role=_role(data.role))
    except Problem as problem:
        typed = {"name": data.name, "email": data.email, "role": data.role}
        return await _members(request, identity, db, typed=typed, problem=problem)
    return await _members(request, identity, db, invited={"name": member.name, "link": link_address(settings, token)})


@post("/settings/members/{member_id:uuid}", opt={"permission": "members:write"}, include_in_schema=False)
async def submit_member_change(
    data: MemberChangeData,
    member_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
) -> Response[Any]:
    """Another role, or access taken or given back."""
    role = None if data.role is None else _role(data.role)
    disabled = {"true": True, "false": False}.get(data.disabled or "")
    try:
        await update_member(Door.of(request), identity.tenant_id, member_id, role=role, disabled=disabled)
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _members(request, identity, db, problem=problem)
    return pages.go_to(request, "/settings/members")


@post("/settings/members/{member_id:uuid}/invitations", opt={"permission": "members:write"}, include_in_schema=False)
async def submit_invitation(
    data: ButtonData,
    member_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """A new link for somebody who lost the first."""
    member, token = await invite_again(db, identity.tenant_id, member_id)
    return await _members(request, identity, db, invited={"name": member.name, "link": link_address(settings, token)})


async def _members(
    request: AnyRequest,
    identity: Identity,
    db: Database,
    *,
    cursor: UUID | None = None,
    typed: dict[str, str] | None = None,
    invited: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as connection:
        rows = await queries.member_page(connection, identity.tenant_id, cursor, _PAGE + 1)
    return pages.render(
        request,
        "tenants/members.html",
        status=problem.status if problem else 200,
        members=rows[:_PAGE],
        next_url=f"/settings/members?cursor={rows[_PAGE - 1].id}" if len(rows) > _PAGE else "",
        roles=ROLES,
        may_write=allows(identity.role, "members:write"),
        may_see_members=True,
        typed=typed or _NOTHING_TYPED,
        invited=invited,
        problem=problem,
    )


def _role(text: str) -> Role:
    if text not in ROLES:
        sentence = f"Choose one of {', '.join(ROLES)}."
        raise Problem(422, "invalid", sentence, fields={"role": sentence})
    return text


handlers: list[Any] = [show_members, submit_member, submit_member_change, submit_invitation]
