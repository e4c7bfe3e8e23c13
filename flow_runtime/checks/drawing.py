"""The flow document as a graph, for the checks: nodes with their ports, exits, and the order in which a conversation meets them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flow_runtime.nodes import Library, NodeType, Port, ports_with_error
from flow_runtime.settings import complete


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One node as drawn. `kind` is None when the library has no such node; `ports` is empty when the settings do not allow any."""

    id: str
    type: str
    kind: NodeType | None
    title: str
    settings: Mapping[str, Any]
    on_error: str
    ports: tuple[Port, ...]
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole graph. `exits` maps (node, port) to the next node's id; only edges between existing nodes count."""

    document: Mapping[str, Any]
    start: str | None
    nodes: Mapping[str, DrawnNode]
    exits: Mapping[tuple[str, str], str]
    order: tuple[str, ...]
    reachable: frozenset[str]

    def after(self, node_id: str) -> list[str]:
        """The nodes that follow, in the order of the ports."""
        found = (self.exits.get((node_id, port.name)) for port in self.nodes[node_id].ports)
        return [target for target in found if target is not None]


def draw(document: Mapping[str, Any], library: Library) -> Drawing:
    """The graph of a document that fits flow.schema.json."""
    nodes = {node_id: _drawn(node_id, node, library) for node_id, node in document["nodes"].items()}
    exits: dict[tuple[str, str], str] = {}
    for edge_id in sorted(document["edges"]):
        edge = document["edges"][edge_id]
        if edge["source"] in nodes and edge["target"] in nodes:
            exits.setdefault((edge["source"], edge["port"]), edge["target"])
    starts = [trigger["node"] for trigger in document["triggers"] if trigger["type"] == "conversation_start"]
    start = starts[0] if starts and starts[0] in nodes else None
    met = _met(start, nodes, exits)
    rest = sorted(nodes.keys() - set(met))
    return Drawing(document, start, nodes, exits, (*met, *rest), frozenset(met))


def _drawn(node_id: str, node: Mapping[str, Any], library: Library) -> DrawnNode:
    kind = library.get(node["type"])
    settings = node["settings"] if kind is None else complete(kind.schema, node["settings"])
    on_error = node.get("on_error", {}).get("do", "stop")
    title = node.get("title") or (node["type"] if kind is None else kind.title)
    return DrawnNode(node_id, node["type"], kind, title, settings, on_error, ports_with_error(kind, settings, on_error), node)


def _met(start: str | None, nodes: Mapping[str, DrawnNode], exits: Mapping[tuple[str, str], str]) -> list[str]:
    """The nodes in the order a conversation can meet them."""
    if start is None:
        return []
    met = [start]
    seen = {start}
    waiting = deque(met)
    while waiting:
        node = nodes[waiting.popleft()]
        for port in node.ports:
            target = exits.get((node.id, port.name))
            if target is not None and target not in seen:
                seen.add(target)
                met.append(target)
                waiting.append(target)
    return met
