"""The steps that this process knows: its own code's and those of the plugins it has unpacked. Replaced as a whole when they change."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from node_library import NodeLibrary, load_library
from server.kit.settings import read_settings
from server.plugins.hosts import Hosts
from server.plugins.manifest import Manifest
from server.plugins.nodes import PluginNode


@dataclass(frozen=True, eq=False)
class Loaded:
    """An installed plugin in this process. `trouble` says why it cannot be used here; then it has no nodes."""

    id: UUID
    sha256: str
    manifest: Manifest
    publisher: str | None
    installed_at: datetime
    hosts: Hosts
    nodes: tuple[PluginNode, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, eq=False)
class Shelf:
    """What there is at one moment. `library` holds every step, of every plugin."""

    own: NodeLibrary
    plugins: tuple[Loaded, ...] = ()
    library: NodeLibrary = field(init=False)
    _views: dict[frozenset[UUID], NodeLibrary] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "library", self._with(self.plugins))

    def view(self, enabled: Collection[UUID]) -> NodeLibrary:
        """The steps for a workspace in which these plugins are switched on; the same object for the same ones."""
        chosen = frozenset(enabled) & {plugin.id for plugin in self.plugins}
        if len(chosen) == len(self.plugins):
            return self.library
        if chosen not in self._views:
            self._views[chosen] = self._with([plugin for plugin in self.plugins if plugin.id in chosen])
        return self._views[chosen]

    def plugin(self, name: str) -> Loaded | None:
        """The plugin of that name."""
        return next((plugin for plugin in self.plugins if plugin.manifest.name == name), None)

    def _with(self, plugins: Collection[Loaded]) -> NodeLibrary:
        if not plugins:
            return self.own
        return NodeLibrary({**self.own, **{node.type: node for plugin in plugins for node in plugin.nodes}}, self.own.refused)


@cache
def _own(folder: Path | None) -> NodeLibrary:
    return load_library(folder)


_shelf: Shelf | None = None


def shelf() -> Shelf:
    """What this process knows now."""
    global _shelf
    if _shelf is None:
        _shelf = Shelf(_own(read_settings().plugins_dir))
    return _shelf


def put_up(new: Shelf | None) -> None:
    """Replace what this process knows; None goes back to its own code."""
    global _shelf
    _shelf = new
