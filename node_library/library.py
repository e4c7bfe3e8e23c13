"""All the nodes of this server: ours, those of installed packages, and those in the plugins folder. There is no list to edit."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from flow_runtime.nodes import Port, ports_with_error
from node_library.contract import CATEGORIES, BrokenNode, FolderNode, read_node

HERE = Path(__file__).parent
ENTRY_POINTS = "chatloom.nodes"


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """One node as the palette and the form of the editor need it."""

    type: str
    version: int
    title: str
    category: str
    summary: str
    hue: int
    icon: Path
    help: str
    schema: Mapping[str, Any]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A plugin that could not be loaded, and why."""

    origin: str
    reason: str


class NodeLibrary(Mapping[str, FolderNode]):
    """The nodes by type. `refused` holds the plugins that could not be loaded; they never keep the others from working."""

    def __init__(self, nodes: Mapping[str, FolderNode], refused: tuple[Refused, ...] = ()) -> None:
        self._nodes = dict(nodes)
        self.refused = refused

    def __getitem__(self, type: str) -> FolderNode:
        return self._nodes[type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def palette(self) -> list[PaletteEntry]:
        """Every node, by category and place in it."""
        nodes = sorted(self._nodes.values(), key=lambda node: (CATEGORIES.index(node.category), node.about.get("place", 100), node.title))
        return [
            PaletteEntry(
                node.type,
                node.version,
                node.title,
                node.category,
                node.summary,
                node.hue,
                node.icon,
                node.help,
                node.schema,
                node.defaults(),
            )
            for node in nodes
        ]

    def ports_of(self, type: str, settings: Mapping[str, Any], on_error: str = "stop") -> list[Port]:
        """The ways out of a node with these settings; none when the type is not known."""
        node = self._nodes.get(type)
        return [] if node is None else list(ports_with_error(node, {**node.defaults(), **settings}, on_error))

    def card_text(self, type: str, settings: Mapping[str, Any]) -> str:
        """One line for the card on the canvas; empty when nothing is filled in or the type is not known."""
        node = self._nodes.get(type)
        return "" if node is None else node.card_text(settings)


def load_library(plugins: Path | None = None) -> NodeLibrary:
    """Our nodes, then installed packages' (entry-point group `chatloom.nodes`), then the folders in `plugins`.

    The first node of a type counts.
    """
    nodes = {node.type: node for node in _built_in()}
    refused: list[Refused] = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        _add(nodes, refused, f"package {point.value}", partial(_from_package, point))
    for folder in _folders(plugins) if plugins is not None else ():
        _add(nodes, refused, str(folder), partial(read_node, folder))
    return NodeLibrary(nodes, tuple(refused))


def _built_in() -> list[FolderNode]:
    return [read_node(folder, importlib.import_module(f"node_library.{folder.name}.node")) for folder in _folders(HERE)]


def _folders(directory: Path) -> list[Path]:
    return sorted(path.parent for path in directory.glob("*/node.json"))


def _from_package(point: EntryPoint) -> FolderNode:
    """A plugin package's node: the entry point names the package that holds node.json and node.py."""
    module = importlib.import_module(f"{point.module}.node")
    if module.__file__ is None:
        raise BrokenNode(f"{point.module} has no folder")
    return read_node(Path(module.__file__).parent, module)


def _add(nodes: dict[str, FolderNode], refused: list[Refused], origin: str, read: Callable[[], FolderNode]) -> None:
    try:
        node = read()
        if node.type in nodes:
            raise BrokenNode(f"there is a node of the type {node.type} already")
    except (BrokenNode, ImportError) as error:
        refused.append(Refused(origin, str(error)))
    else:
        nodes[node.type] = node
