"""Pages: the workspace's settings, a new workspace, the way into another one."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.door import Door
from server.security.forms import ButtonData, NameData, signed_in
from server.security.identity import Identity
from server.security.register import add_workspace, enter_workspace
from server.security.roles import allows
from server.security.sessions import revoke_session
from server.tenants import queries
from server.tenants.create_workspace import rename_workspace
from server.tenants.names import clean_name

AnyRequest = Request[Any, Any, Any]
_ANY_MEMBER = {"permission": "workspace:read"}


@get("/settings", opt=_ANY_MEMBER, include_in_schema=False)
async def show_workspace(request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]) -> Response[str]:
    """Name and facts of the workspace."""
    return await _workspace(request, identity, db)


@post("/settings", opt={"permission": "workspace:write"}, include_in_schema=False)
async def submit_workspace(
    data: NameData, request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Response[Any]:
    """Rename the workspace."""
    try:
        name = clean_name(data.name, "name")
    except Problem as problem:
        return await _workspace(request, identity, db, typed=data.name, problem=problem)
    async with db.tenant(identity.tenant_id) as connection:
        await rename_workspace(connection, identity.tenant_id, name)
    return pages.go_to(request, "/settings")


async def _workspace(
    request: AnyRequest, identity: Identity, db: Database, *, typed: str | None = None, problem: Problem | None = None
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as connection:
        workspace = await queries.workspace(connection, identity.tenant_id)
    return pages.render(
        request,
        "tenants/workspace.html",
        status=problem.status if problem else 200,
        workspace=workspace,
        name=workspace.name if typed is None else typed,
        may_write=allows(identity.role, "workspace:write"),
        may_see_members=allows(identity.role, "members:read"),
        problem=problem,
    )


@get("/workspaces/new", opt=_ANY_MEMBER, include_in_schema=False)
async def show_new_workspace(request: AnyRequest) -> Response[str]:
    """The form for one more workspace."""
    return pages.render(request, "tenants/new_workspace.html", name="", problem=None)


@post("/workspaces", opt=_ANY_MEMBER, include_in_schema=False)
async def submit_new_workspace(
    data: NameData, request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database], redis: NamedDependency[Redis]
) -> Response[Any]:
    """Make a workspace and enter it."""
    try:
        session = await add_workspace(Door.of(request), identity, data.name)
    except Problem as problem:
        return pages.render(request, "tenants/new_workspace.html", status=problem.status, name=data.name, problem=problem)
    await revoke_session(db, redis, identity.tenant_id, identity.member_id, identity.session_id)
    return signed_in(request, session)


@post("/workspaces/{workspace_id:uuid}/select", opt=_ANY_MEMBER, include_in_schema=False)
async def select_workspace(
    data: ButtonData,
    workspace_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
) -> Response[Any]:
    """Leave this workspace for another one of the account."""
    if workspace_id == identity.tenant_id:
        return pages.go_to(request, "/")
    session = await enter_workspace(Door.of(request), identity, workspace_id)
    await revoke_session(db, redis, identity.tenant_id, identity.member_id, identity.session_id)
    return signed_in(request, session)


handlers: list[Any] = [show_workspace, submit_workspace, show_new_workspace, submit_new_workspace, select_workspace]
