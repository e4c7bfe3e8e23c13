"""Which plugins a workspace uses."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from node_library import NodeLibrary
from server.kit.db import Database
from server.plugins.shelf import shelf
from server.plugins.tables import workspace_plugins


async def enabled_plugins(conn: AsyncConnection, tenant_id: UUID) -> frozenset[UUID]:
    """The plugins that are switched on in the workspace."""
    return frozenset(await conn.scalars(select(workspace_plugins.c.plugin_id).where(workspace_plugins.c.tenant_id == tenant_id)))


async def library_of(conn: AsyncConnection, tenant_id: UUID) -> NodeLibrary:
    """The steps that flows of the workspace may be made of."""
    here = shelf()
    return here.view(await enabled_plugins(conn, tenant_id)) if here.plugins else here.library


async def workspaces_using(db: Database, plugin_id: UUID) -> list[UUID]:
    """The workspaces in which the plugin is switched on."""
    async with db.sweep() as conn:
        return list(await conn.scalars(select(workspace_plugins.c.tenant_id).where(workspace_plugins.c.plugin_id == plugin_id)))
