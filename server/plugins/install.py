"""Installing, upgrading and removing plugins, for every workspace of the instance and without a restart."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.kit.settings import Settings
from server.plugins.archive import Opened, open_plugin, unpack
from server.plugins.hosts import Hosts, PluginFailed
from server.plugins.instance import check_may_install
from server.plugins.manifest import NodeName, refused
from server.plugins.queries import workspaces_using
from server.plugins.shelf import Loaded, shelf
from server.plugins.tables import plugins, workspace_plugins
from server.plugins.users import Use, named, users_of
from server.plugins.watch import Watch, trusted_keys
from server.security.identity import Identity

Found = Any
"""A row of `plugins` without its file."""

CHECK_S = 30.0
MOST_COMPLAINTS = 5


async def install_plugin(db: Database, settings: Settings, watch: Watch, identity: Identity, data: bytes) -> UUID:
    """Install the plugin in the file, or put it in the place of another version of it. Problem 403, 409 or 422 says why not."""
    workspace = check_may_install(settings, identity)
    opened = await asyncio.to_thread(open_plugin, data, trusted_keys(settings), allow_unsigned=settings.plugins_unsigned)
    manifest = opened.manifest
    await watch.refresh()
    _check_types(opened)
    async with db.tenant(workspace) as conn:
        before = await _by_name(conn, workspace, manifest.name)
    if before is not None:
        await _check_upgrade(db, identity, before, opened)
    await asyncio.to_thread(_check_nodes, opened, settings)
    values: dict[str, Any] = {
        "version": manifest.version,
        "sha256": opened.sha256,
        "publisher": None if opened.publisher is None else f"{opened.publisher.publisher} ({opened.publisher.id})",
        "manifest": msgspec.to_builtins(manifest),
        "file": data,
        "installed_by": identity.member_id,
        "installed_at": clock.now(),
    }
    async with db.tenant(workspace) as conn:
        made = insert(plugins).values(tenant_id=workspace, id=uuid7(), name=manifest.name, **values)
        plugin_id: UUID = (
            await conn.execute(made.on_conflict_do_update(index_elements=["tenant_id", "name"], set_=values).returning(plugins.c.id))
        ).scalar_one()
    await watch.tell()
    return plugin_id


async def remove_plugin(db: Database, settings: Settings, watch: Watch, identity: Identity, plugin_id: UUID) -> None:
    """Take the plugin away everywhere; Problem 409 while published flows use it."""
    plugin = find_plugin(plugin_id)
    workspace = check_may_install(settings, identity)
    uses = await _uses_everywhere(db, identity, plugin_id, plugin.manifest.nodes)
    if uses:
        raise Problem(
            409,
            "plugin_in_use",
            f"{uses} use steps of this plugin. Publish them without those steps first, then remove the plugin.",
        )
    for tenant_id in await workspaces_using(db, plugin_id):
        async with db.tenant(tenant_id) as conn:
            await conn.execute(
                delete(workspace_plugins).where(workspace_plugins.c.tenant_id == tenant_id, workspace_plugins.c.plugin_id == plugin_id)
            )
    async with db.tenant(workspace) as conn:
        await conn.execute(delete(plugins).where(plugins.c.tenant_id == workspace, plugins.c.id == plugin_id))
    await watch.tell()


def find_plugin(plugin_id: UUID) -> Loaded:
    """The installed plugin; Problem 404."""
    plugin = next((one for one in shelf().plugins if one.id == plugin_id), None)
    if plugin is None:
        raise not_found("plugin")
    return plugin


async def enable_plugin(conn: AsyncConnection, identity: Identity, plugin_id: UUID) -> None:
    """Let flows of the workspace use the plugin's steps; Problem 404 or 409."""
    plugin = find_plugin(plugin_id)
    if plugin.trouble:
        raise Problem(409, "plugin_unusable", f"The plugin cannot be used on this server: {plugin.trouble}")
    values = {"tenant_id": identity.tenant_id, "plugin_id": plugin_id, "enabled_by": identity.member_id, "enabled_at": clock.now()}
    await conn.execute(insert(workspace_plugins).values(values).on_conflict_do_nothing())


async def disable_plugin(conn: AsyncConnection, identity: Identity, plugin_id: UUID) -> None:
    """Take the plugin's steps out of the workspace's palette; Problem 404, or 409 while its published flows use them."""
    plugin = find_plugin(plugin_id)
    uses = await users_of(conn, identity.tenant_id, [node.type for node in plugin.manifest.nodes])
    if uses:
        raise Problem(
            409,
            "plugin_in_use",
            f"The published {_flows(uses)} {named(uses)} use steps of this plugin. Publish without those steps first, then switch it off.",
        )
    where = (workspace_plugins.c.tenant_id == identity.tenant_id, workspace_plugins.c.plugin_id == plugin_id)
    await conn.execute(delete(workspace_plugins).where(*where))


def _check_types(opened: Opened) -> None:
    """No plugin takes the place of another one's step, or of ours."""
    here = shelf()
    own = here.plugin(opened.manifest.name)
    taken = here.library.keys() - {node.type for node in (own.nodes if own else ())}
    both = sorted(taken & {node.type for node in opened.manifest.nodes})
    if both:
        raise refused("type_taken", f"There is a step of the type {both[0]} already. Its publisher has to give it another name.")


async def _check_upgrade(db: Database, identity: Identity, before: Found, opened: Opened) -> None:
    """The new version must do what published flows use of the old one."""
    manifest = opened.manifest
    if before.sha256 == opened.sha256:
        raise Problem(409, "plugin_installed", f"{manifest.label} is installed already.")
    if before.version == manifest.version:
        raise refused(
            "same_version",
            f"Version {manifest.version} of {manifest.name} is installed already, with other content. Give what was changed a new version.",
        )
    uses = await _uses_everywhere(db, identity, before.id, _nodes(before), still_there=manifest.nodes)
    if uses:
        raise Problem(
            409,
            "plugin_in_use",
            f"{uses} use steps that version {manifest.version} does not have, or has in an older version. "
            "Publish them without those steps first, then upgrade.",
        )


def _check_nodes(opened: Opened, settings: Settings) -> None:
    """The conformance tests, run in the plugin's own process."""
    manifest = opened.manifest
    hosts = Hosts(manifest.label, unpack(opened, settings.data_dir / "plugins"))
    asked = {"do": "check", "nodes": [node.type for node in manifest.nodes], "calls": list(manifest.calls)}
    try:
        complaints = hosts.run(asked, _answer_nothing, CHECK_S)
    except PluginFailed as failed:
        raise refused("fails", f"{failed.message} Try it with `chatloom node test`.") from None
    finally:
        hosts.close()
    if complaints:
        shown = "; ".join(str(complaint)[:300] for complaint in complaints[:MOST_COMPLAINTS])
        raise refused("fails", f"The plugin fails the tests that every node passes: {shown}. See `chatloom node test`.")


def _answer_nothing(name: str, args: list[Any]) -> Any:
    raise PluginFailed("", f"{name} cannot be asked for while a plugin is checked")


async def _uses_everywhere(
    db: Database, identity: Identity, plugin_id: UUID, steps: Sequence[NodeName], still_there: Sequence[NodeName] = ()
) -> str:
    """The published flows that use steps which would be missing, as the begin of a sentence. Flows of other workspaces are only counted.

    A step that is still there in a newer version is not missing: a plugin that passes the tests upgrades its settings.
    """
    types = [step.type for step in steps]
    newest = {step.type: step.version for step in still_there}
    own: list[Use] = []
    others = 0
    for tenant_id in await workspaces_using(db, plugin_id):
        async with db.tenant(tenant_id) as conn:
            missing = [use for use in await users_of(conn, tenant_id, types) if use.step.version > newest.get(use.step.type, 0)]
        if tenant_id == identity.tenant_id:
            own = missing
        else:
            others += len({use.flow for use in missing})
    told = [f"the published {_flows(own)} {named(own)}"] if own else []
    told += [f"{others} published flow{'s' if others > 1 else ''} of other workspaces"] if others else []
    sentence = " and ".join(told)
    return sentence[:1].upper() + sentence[1:]


def _flows(uses: Sequence[Use]) -> str:
    return "flow" if len({use.flow for use in uses}) == 1 else "flows"


def _nodes(row: Found) -> list[NodeName]:
    return msgspec.convert(row.manifest["nodes"], list[NodeName])


async def _by_name(conn: AsyncConnection, workspace: UUID, name: str) -> Found | None:
    columns = (plugins.c.id, plugins.c.version, plugins.c.sha256, plugins.c.manifest)
    return (await conn.execute(select(*columns).where(plugins.c.tenant_id == workspace, plugins.c.name == name))).first()
