"""Keeps a process's steps the same as what is installed, and as what lies in the author's folder, while it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError

from node_library import BrokenNode, NodeLibrary, load_library
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.live import Live
from server.kit.settings import Settings
from server.kit.tasks import end_tasks
from server.plugins.archive import open_plugin, unpack
from server.plugins.hosts import Hosts
from server.plugins.instance import instance_workspace
from server.plugins.keys import PublicKey, read_public_key
from server.plugins.manifest import Manifest
from server.plugins.nodes import PluginNode, plugin_node
from server.plugins.shelf import Loaded, Shelf, put_up, shelf
from server.plugins.tables import plugins

TOPIC = "plugins"
POLL_S = 5.0
POLL_FOLDER_S = 1.0
DRAIN_S = 30.0

log = logging.getLogger(__name__)

Signature = tuple[tuple[str, int, int], ...]


def trusted_keys(settings: Settings) -> list[PublicKey]:
    """The publishers this server trusts."""
    return [read_public_key(text) for text in sorted(settings.plugin_keys)]


class Watch:
    """One process's look at the installed plugins."""

    def __init__(self, db: Database, live: Live | None, settings: Settings) -> None:
        """Without `live` nothing is heard of other processes and nothing told to them."""
        self._db = db
        self._live = live
        self._settings = settings
        self._keys = trusted_keys(settings)
        self._lock = asyncio.Lock()
        self._seen: Signature | None = None

    async def refresh(self) -> None:
        """Take up what has changed since the last time."""
        async with self._lock:
            now = shelf()
            own, rows = await self._own(now), await self._rows()
            known = {plugin.id: plugin for plugin in now.plugins}
            if own is now.own and {row.id: row.sha256 for row in rows} == {plugin.id: plugin.sha256 for plugin in now.plugins}:
                return
            kept: list[Loaded] = []
            for row in rows:
                plugin = known.get(row.id)
                if plugin is None or plugin.sha256 != row.sha256 or own is not now.own:
                    plugin = await self._load(row, own, kept)
                kept.append(plugin)
            put_up(Shelf(own, tuple(kept)))
            self._drain([plugin.hosts for plugin in now.plugins if all(plugin.hosts is not one.hosts for one in kept)])

    def _drain(self, old: list[Hosts]) -> None:
        """Turns that have begun go on with the code they began with."""
        for hosts in old:
            asyncio.get_running_loop().call_later(DRAIN_S, hosts.close)

    async def _own(self, now: Shelf) -> NodeLibrary:
        """The process's own steps, read again when something in the author's folder has changed."""
        folder = self._settings.plugins_dir
        if folder is None:
            return now.own
        signature = await asyncio.to_thread(_signature, folder)
        if signature == self._seen:
            return now.own
        first, self._seen = self._seen is None, signature
        library = await asyncio.to_thread(load_library, folder)
        for refused in library.refused:
            log.warning("the node %s cannot be used: %s", refused.origin, refused.reason)
        if not first:
            log.info("the nodes in %s were read again", folder)
        return library

    async def _rows(self) -> list[Row[Any]]:
        workspace = instance_workspace(self._settings)
        if workspace is None:
            return []
        wanted = (plugins.c.id, plugins.c.sha256, plugins.c.manifest, plugins.c.publisher, plugins.c.installed_at)
        async with self._db.tenant(workspace) as conn:
            return list(await conn.execute(select(*wanted).where(plugins.c.tenant_id == workspace).order_by(plugins.c.name)))

    async def _file(self, row: Row[Any]) -> bytes:
        workspace = instance_workspace(self._settings)
        assert workspace is not None
        async with self._db.tenant(workspace) as conn:
            found: bytes = (
                await conn.execute(select(plugins.c.file).where(plugins.c.tenant_id == workspace, plugins.c.id == row.id))
            ).scalar_one()
        return found

    async def _load(self, row: Row[Any], own: NodeLibrary, others: list[Loaded]) -> Loaded:
        """The plugin unpacked here. The signature is checked in every process: a key that is not trusted any more opens nothing."""
        manifest = msgspec.convert(row.manifest, Manifest)
        folder = self._settings.data_dir / "plugins"
        hosts, trouble = Hosts(manifest.label, folder), ""
        nodes: tuple[PluginNode, ...] = ()
        taken = {*own, *(node.type for other in others for node in other.nodes)}
        try:
            data = await self._file(row)
            opened = await asyncio.to_thread(open_plugin, data, self._keys, allow_unsigned=self._settings.plugins_unsigned)
            place = await asyncio.to_thread(unpack, opened, folder)
            hosts = Hosts(manifest.label, place)
            nodes = _nodes(manifest, place, hosts, taken)
        except Problem as problem:
            trouble = problem.detail
        except (BrokenNode, OSError) as error:
            trouble = str(error)
        if trouble:
            log.error("the plugin %s cannot be used: %s", manifest.label, trouble)
        return Loaded(row.id, row.sha256, manifest, row.publisher, row.installed_at, hosts, nodes, trouble)

    async def follow(self) -> None:
        """Refresh for ever: at once when somebody tells, and every few seconds."""
        seconds = POLL_S if self._settings.plugins_dir is None else POLL_FOLDER_S
        while True:
            workspace = instance_workspace(self._settings)
            if workspace is None or self._live is None:
                await asyncio.sleep(seconds)
                await self._try()
                continue
            async with self._live.subscribe(workspace, TOPIC) as news:
                while not news.ended:
                    await news.wait(seconds)
                    await self._try()

    async def _try(self) -> None:
        try:
            await self.refresh()
        except (SQLAlchemyError, OSError) as error:
            log.warning("plugins are looked at again later: %r", error)

    async def tell(self) -> None:
        """Something was installed or removed: take it up here, and let the other processes know."""
        await self.refresh()
        workspace = instance_workspace(self._settings)
        assert workspace is not None
        assert self._live is not None
        await self._live.publish(workspace, TOPIC, {"kind": "plugins"})


def _nodes(manifest: Manifest, place: Path, hosts: Hosts, taken: set[str]) -> tuple[PluginNode, ...]:
    nodes = tuple(plugin_node(manifest.name, place / node.type, hosts) for node in manifest.nodes)
    for node, said in zip(nodes, manifest.nodes, strict=True):
        if node.type in taken:
            raise BrokenNode(f"there is a step of the type {node.type} already")
        if (node.type, node.version) != (said.type, said.version):
            raise BrokenNode(f"the manifest names {said.type} {said.version}, the folder holds {node.type} {node.version}")
    return nodes


def _signature(folder: Path) -> Signature:
    """What changes when something in the folder does."""
    found = []
    for path in sorted(folder.rglob("*")):
        with suppress(OSError):
            if "__pycache__" not in path.parts and path.is_file():
                facts = path.stat()
                found.append((str(path), facts.st_mtime_ns, facts.st_size))
    return tuple(found)


@asynccontextmanager
async def as_installed(db: Database, settings: Settings) -> AsyncIterator[None]:
    """The steps that are installed at this moment, for a command that looks and goes."""
    watch = Watch(db, None, settings)
    await watch.refresh()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    for plugin in shelf().plugins:
        plugin.hosts.close()
    put_up(None)


@asynccontextmanager
async def watching(db: Database, live: Live, settings: Settings) -> AsyncIterator[Watch]:
    """The steps of this process follow what is installed, until the end of the block."""
    watch = Watch(db, live, settings)
    await watch.refresh()
    following = asyncio.create_task(watch.follow(), name="plugins")
    try:
        yield watch
    finally:
        await end_tasks(following)
        _forget()
