"""What the JSON routes of this room take and give."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from server.plugins.shelf import Loaded


class StepView(msgspec.Struct):
    """A kind of step in a plugin."""

    type: str
    version: int
    title: str
    summary: str
    category: str


class PluginView(msgspec.Struct):
    """An installed plugin as a workspace sees it. `publisher` is None for an unsigned one; `trouble` says why it cannot be used."""

    id: UUID
    name: str
    version: str
    title: str
    summary: str
    publisher: str | None
    sha256: str
    nodes: list[StepView]
    calls: list[str]
    network: list[str]
    installed_at: datetime
    enabled: bool
    trouble: str

    @classmethod
    def of(cls, plugin: Loaded, enabled: Collection[UUID]) -> "PluginView":
        """The view of a loaded plugin; `enabled` are the plugins that are on in the workspace."""
        about = plugin.manifest
        steps = [StepView(node.type, node.version, node.title, node.summary, node.category) for node in plugin.nodes]
        return cls(
            plugin.id,
            about.name,
            about.version,
            about.title or about.name,
            about.summary,
            plugin.publisher,
            plugin.sha256,
            steps,
            [f"plugin.{about.name}.{call}" for call in about.calls],
            list(about.network),
            plugin.installed_at,
            plugin.id in enabled,
            plugin.trouble,
        )


class PluginList(msgspec.Struct):
    """All installed plugins; there are few, so there is one page."""

    data: list[PluginView]
    next: str | None = None
