"""JSON: the organization of the request, and the workspaces of the account."""

from typing import Any
from uuid import UUID

from litestar import Request, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.kit.db import Database
from server.security.door import Door
from server.security.identity import Identity
from server.security.register import add_workspace, enter_workspace
from server.security.schemas import Organization, Tokens, Workspace, WorkspaceList, WorkspaceName
from server.tenants import queries
from server.tenants.create_workspace import rename_workspace
from server.tenants.names import clean_name

_ANY_MEMBER = {"permission": "workspace:read"}


@get("/api/v1/organization", opt=_ANY_MEMBER, tags=["tenants"])
async def get_organization(identity: NamedDependency[Identity], db: NamedDependency[Database]) -> Organization:
    """The workspace of this token."""
    async with db.tenant(identity.tenant_id) as connection:
        return Organization.of(await queries.workspace(connection, identity.tenant_id))


@patch("/api/v1/organization", opt={"permission": "workspace:write"}, tags=["tenants"])
async def change_organization(
    data: JSONBody[WorkspaceName], identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Organization:
    """Rename the workspace."""
    name = clean_name(data.name, "name")
    async with db.tenant(identity.tenant_id) as connection:
        await rename_workspace(connection, identity.tenant_id, name)
        return Organization.of(await queries.workspace(connection, identity.tenant_id))


@get("/api/v1/workspaces", opt=_ANY_MEMBER, tags=["tenants"])
async def list_workspaces(identity: NamedDependency[Identity], db: NamedDependency[Database]) -> WorkspaceList:
    """Every workspace this account can enter."""
    found = await queries.workspaces_of_account(db, identity.account_id)
    return WorkspaceList([Workspace(one.tenant_id, one.name, one.role, one.tenant_id == identity.tenant_id) for one in found])


@post("/api/v1/workspaces", opt=_ANY_MEMBER, tags=["tenants"])
async def create_another_workspace(
    data: JSONBody[WorkspaceName], identity: NamedDependency[Identity], request: Request[Any, Any, Any]
) -> Tokens:
    """Make a workspace for this account; the tokens are for the new one."""
    door = Door.of(request)
    return Tokens.of(door.keys.access, await add_workspace(door, identity, data.name))


@post("/api/v1/workspaces/{workspace_id:uuid}/sessions", opt=_ANY_MEMBER, tags=["tenants"])
async def switch_workspace(workspace_id: FromPath[UUID], identity: NamedDependency[Identity], request: Request[Any, Any, Any]) -> Tokens:
    """Tokens for another workspace of this account."""
    door = Door.of(request)
    return Tokens.of(door.keys.access, await enter_workspace(door, identity, workspace_id))


handlers: list[Any] = [get_organization, change_organization, list_workspaces, create_another_workspace, switch_workspace]
