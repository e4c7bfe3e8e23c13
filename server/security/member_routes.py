"""JSON: the people of the workspace."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from server.kit.db import Database
from server.kit.settings import Settings
from server.security.door import Door
from server.security.identity import Identity
from server.security.members import invite_again, invite_member, update_member
from server.security.schemas import Invitation, Member, MemberChange, MemberPage, NewMember
from server.tenants import queries

MAX_PAGE = 200


@get("/api/v1/members", opt={"permission": "members:read"}, tags=["tenants"])
async def list_members(
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    cursor: FromQuery[UUID | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> MemberPage:
    """Members of the workspace, disabled ones too."""
    async with db.tenant(identity.tenant_id) as connection:
        rows = await queries.member_page(connection, identity.tenant_id, cursor, limit + 1)
    following = str(rows[limit - 1].id) if len(rows) > limit else None
    return MemberPage([Member.of(row) for row in rows[:limit]], following)


@post("/api/v1/members", opt={"permission": "members:write"}, tags=["tenants"])
async def create_member(
    data: JSONBody[NewMember], identity: NamedDependency[Identity], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Invitation:
    """Add a person; give them the link, it works once."""
    member, token = await invite_member(db, identity.tenant_id, email=data.email, name=data.name, role=data.role)
    return Invitation(Member.of(member), link_address(settings, token))


@patch("/api/v1/members/{member_id:uuid}", opt={"permission": "members:write"}, tags=["tenants"])
async def change_member(
    data: JSONBody[MemberChange], member_id: FromPath[UUID], identity: NamedDependency[Identity], request: Request[Any, Any, Any]
) -> Member:
    """Another role, or access taken or given back; the member has to sign in again."""
    return Member.of(await update_member(Door.of(request), identity.tenant_id, member_id, role=data.role, disabled=data.disabled))


@post("/api/v1/members/{member_id:uuid}/invitations", opt={"permission": "members:write"}, tags=["tenants"])
async def create_invitation(
    member_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Invitation:
    """A new link for a member who has no password yet."""
    member, token = await invite_again(db, identity.tenant_id, member_id)
    return Invitation(Member.of(member), link_address(settings, token))


def link_address(settings: Settings, token: str) -> str:
    """The whole address of a sign-in link."""
    return f"{settings.public_url}/sign-in/link?token={token}"


handlers: list[Any] = [list_members, create_member, change_member, create_invitation]
