"""Pages: the installed plugins; install, upgrade and remove them, switch them on and off for the workspace."""

from typing import Any
from uuid import UUID

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import Settings
from server.plugins.icons import sprite
from server.plugins.install import disable_plugin, enable_plugin, find_plugin, install_plugin, remove_plugin
from server.plugins.instance import instance_workspace, may_install
from server.plugins.queries import enabled_plugins
from server.plugins.routes import READ, UPLOAD_BYTES, WRITE
from server.plugins.schemas import PluginView
from server.plugins.shelf import shelf
from server.plugins.watch import Watch
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
PAGE = "/settings/plugins"


@get(PAGE, opt=READ, include_in_schema=False)
async def show_plugins(
    request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[str]:
    """The installed plugins and what the workspace makes of them."""
    return await _plugins(request, identity, db, settings)


@post(PAGE, opt=WRITE, include_in_schema=False, status_code=200, request_max_body_size=UPLOAD_BYTES)
async def submit_plugin(
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    watch: NamedDependency[Watch],
) -> Response[Any]:
    """Install the uploaded plugin, or upgrade to it."""
    upload = (await request.form()).get("file")
    try:
        if not isinstance(upload, UploadFile):
            raise Problem(422, "no_file", "Choose the plugin file that `chatloom node pack` made.")
        plugin_id = await install_plugin(db, settings, watch, identity, await upload.read())
    except Problem as problem:
        return await _plugins(request, identity, db, settings, problem)
    label = find_plugin(plugin_id).manifest.label
    return await _done(request, identity, db, settings, f"{label} is installed. Switch it on where it shall be used.")


@post("/settings/plugins/{plugin_id:uuid}/removal", opt=WRITE, include_in_schema=False, status_code=200)
async def submit_removal(
    request: AnyRequest,
    plugin_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    watch: NamedDependency[Watch],
) -> Response[Any]:
    """Remove a plugin from every workspace."""
    label = find_plugin(plugin_id).manifest.label
    try:
        await remove_plugin(db, settings, watch, identity, plugin_id)
    except Problem as problem:
        return await _plugins(request, identity, db, settings, problem)
    return await _done(request, identity, db, settings, f"{label} is removed.")


@post("/settings/plugins/{plugin_id:uuid}/enabled", opt=WRITE, include_in_schema=False, status_code=200)
async def submit_enabled(
    request: AnyRequest,
    plugin_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Switch a plugin on for the workspace."""
    label = find_plugin(plugin_id).manifest.label
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await enable_plugin(conn, identity, plugin_id)
    except Problem as problem:
        return await _plugins(request, identity, db, settings, problem)
    return await _done(request, identity, db, settings, f"{label} is on: its steps are in the palette of your flows.")


@post("/settings/plugins/{plugin_id:uuid}/disabled", opt=WRITE, include_in_schema=False, status_code=200)
async def submit_disabled(
    request: AnyRequest,
    plugin_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Switch a plugin off for the workspace."""
    label = find_plugin(plugin_id).manifest.label
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await disable_plugin(conn, identity, plugin_id)
    except Problem as problem:
        return await _plugins(request, identity, db, settings, problem)
    return await _done(request, identity, db, settings, f"{label} is off.")


@get("/plugins/icons.svg", opt={"permission": "flows:read"}, include_in_schema=False)
async def icons() -> Response[str]:
    """The pictures of all plugins' steps, as one sprite."""
    return Response(sprite(), media_type=MediaType.XML, headers={"Content-Type": "image/svg+xml", "Cache-Control": "private, max-age=60"})


async def _done(request: AnyRequest, identity: Identity, db: Database, settings: Settings, said: str) -> Response[Any]:
    if not pages.Hx(request):
        return pages.go_to(request, PAGE)
    return await _plugins(request, identity, db, settings, said=said)


async def _plugins(
    request: AnyRequest, identity: Identity, db: Database, settings: Settings, problem: Problem | None = None, said: str = ""
) -> Response[str]:
    """The page, or its list alone for a button on it: what was refused stands above the list."""
    async with db.tenant(identity.tenant_id) as conn:
        enabled = await enabled_plugins(conn, identity.tenant_id)
    part = pages.Hx(request) and not pages.Hx(request).wants_full_page
    return pages.render(
        request,
        "plugins/_list.html" if part else "plugins/plugins.html",
        status=problem.status if problem and not part else 200,
        headers=pages.toast(said) if said else {},
        plugins=[PluginView.of(plugin, enabled) for plugin in shelf().plugins],
        trusted=sorted(key.partition(":")[0] for key in settings.plugin_keys),
        unsigned=settings.plugins_unsigned,
        has_instance=instance_workspace(settings) is not None,
        may_install=may_install(settings, identity),
        may_switch=allows(identity.role, "plugins:write"),
        may_see_members=allows(identity.role, "members:read"),
        problem=problem,
    )


handlers: list[Any] = [show_plugins, submit_plugin, submit_removal, submit_enabled, submit_disabled, icons]
