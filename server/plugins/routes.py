"""JSON: the installed plugins, and which of them the workspace uses."""

from typing import Any
from uuid import UUID

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import Settings
from server.plugins.archive import MAX_BYTES
from server.plugins.install import disable_plugin, enable_plugin, find_plugin, install_plugin, remove_plugin
from server.plugins.queries import enabled_plugins
from server.plugins.schemas import PluginList, PluginView
from server.plugins.shelf import shelf
from server.plugins.watch import Watch
from server.security.identity import Identity

READ = {"permission": "plugins:read"}
WRITE = {"permission": "plugins:write"}
UPLOAD_BYTES = MAX_BYTES + (64 << 10)


@get("/api/v1/plugins", opt=READ, tags=["plugins"])
async def list_plugins(identity: NamedDependency[Identity], db: NamedDependency[Database]) -> PluginList:
    """Every installed plugin, and whether the workspace uses it."""
    async with db.tenant(identity.tenant_id) as conn:
        enabled = await enabled_plugins(conn, identity.tenant_id)
    return PluginList([PluginView.of(plugin, enabled) for plugin in shelf().plugins])


@get("/api/v1/plugins/{plugin_id:uuid}", opt=READ, tags=["plugins"])
async def show_plugin(plugin_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> PluginView:
    """One plugin."""
    return await _view(db, identity, plugin_id)


@post("/api/v1/plugins", opt=WRITE, tags=["plugins"], request_max_body_size=UPLOAD_BYTES)
async def create_plugin(
    request: Request[Any, Any, Any],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    watch: NamedDependency[Watch],
) -> PluginView:
    """Install the plugin file that is the body, or upgrade to it. For owners of the instance's own workspace."""
    data = await request.body()
    if not data:
        raise Problem(422, "no_file", "Send the plugin file as the body of the request.")
    plugin_id = await install_plugin(db, settings, watch, identity, data)
    return await _view(db, identity, plugin_id)


@delete("/api/v1/plugins/{plugin_id:uuid}", opt=WRITE, tags=["plugins"])
async def delete_plugin(
    plugin_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    watch: NamedDependency[Watch],
) -> None:
    """Remove a plugin that no published flow uses. For owners of the instance's own workspace."""
    await remove_plugin(db, settings, watch, identity, plugin_id)


@put("/api/v1/plugins/{plugin_id:uuid}/enabled", opt=WRITE, tags=["plugins"])
async def enable(plugin_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> PluginView:
    """Let the workspace's flows use the plugin's steps."""
    async with db.tenant(identity.tenant_id) as conn:
        await enable_plugin(conn, identity, plugin_id)
    return await _view(db, identity, plugin_id)


@delete("/api/v1/plugins/{plugin_id:uuid}/enabled", opt=WRITE, tags=["plugins"], status_code=200)
async def disable(plugin_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> PluginView:
    """Take the plugin's steps away from the workspace; refused while its published flows use them."""
    async with db.tenant(identity.tenant_id) as conn:
        await disable_plugin(conn, identity, plugin_id)
    return await _view(db, identity, plugin_id)


async def _view(db: Database, identity: Identity, plugin_id: UUID) -> PluginView:
    plugin = find_plugin(plugin_id)
    async with db.tenant(identity.tenant_id) as conn:
        return PluginView.of(plugin, await enabled_plugins(conn, identity.tenant_id))


handlers: list[Any] = [list_plugins, show_plugin, create_plugin, delete_plugin, enable, disable]
