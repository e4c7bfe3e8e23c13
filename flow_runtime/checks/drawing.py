"""The flow document as a graph, for the checks: nodes with ports and texts, exits, and the order in which a conversation meets them."""

import marshal
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_runtime.expressions import is_template
from flow_runtime.nodes import FAILED, Library, NodeType, Port, ports_with_error
from flow_runtime.settings import Place, complete, hidden_fields, walk

JUMP = ""
"""Stands for the way out of a node that names the next one itself."""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One node as drawn. `kind` is None when the library has no such node; `ports` is empty when the settings do not allow any.

    What its settings hold is sorted once: `places` is every value with its field and schema, `texts` those with `{{ }}`, `sets` the
    variables it sets, `reads` the paths that conditions read, `customer_texts` what the customer reads, `references` (what, field, name)
    the connections, flows and other things that it names.
    """

    id: str
    type: str
    kind: NodeType | None
    title: str
    settings: Mapping[str, Any]
    on_error: str
    ports: tuple[Port, ...]
    raw: Mapping[str, Any]
    places: tuple[Place, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    sets: tuple[tuple[str, str], ...] = ()
    reads: tuple[tuple[str, str], ...] = ()
    customer_texts: tuple[tuple[str, str], ...] = ()
    references: tuple[tuple[str, str, str], ...] = ()

    @property
    def calls_out(self) -> bool:
        """Whether it may wait for an answer from elsewhere."""
        return self.kind is not None and "call" in self.kind.waits

    @property
    def ends(self) -> bool:
        """Whether the conversation goes no further from here, unless something fails."""
        return all(port.name == FAILED for port in self.ports) and not any(what == "node" for what, _, _ in self.references)

    def refers_to(self, what: str) -> Iterator[tuple[str, str]]:
        """The fields that name a connection, a flow, ...: those whose schema says `"x-refers": what`."""
        for kind, path, name in self.references:
            if kind == what:
                yield path, name


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole graph. `exits` maps (node, port) to the next node's id; only edges between existing nodes count.

    `roots` are the nodes that triggers lead to, the start first.
    """

    document: Mapping[str, Any]
    start: str | None
    nodes: Mapping[str, DrawnNode]
    exits: Mapping[tuple[str, str], str]
    order: tuple[str, ...]
    reachable: frozenset[str]
    roots: tuple[str, ...] = ()
    following: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def after(self, node_id: str) -> list[str]:
        """The nodes that follow, in the order of the ports."""
        return [target for _, target in self.following[node_id]]


def _references(places: tuple[Place, ...]) -> Iterator[tuple[str, str, str]]:
    for path, part, value in places:
        what = part.get("x-refers")
        if what is not None:
            items = [(f"{path}.{index}", item) for index, item in enumerate(value)] if isinstance(value, list) else [(path, value)]
            yield from ((what, field, name) for field, name in items if isinstance(name, str) and name)


def print_of(entry: Any) -> bytes | None:
    """What tells an entry from every other, quickly; None for one that is not plain data.

    Not `==`: to Python 1, 1.0 and True are the same.
    """
    try:
        return marshal.dumps(entry, 2)
    except ValueError:
        return None


def draw(document: Mapping[str, Any], library: Library, known: Mapping[str, DrawnNode] | None = None) -> Drawing:
    """The graph of a document that fits flow.schema.json. `known` holds nodes that were drawn before and have not changed since."""
    kept = known or {}
    nodes = {node_id: kept.get(node_id) or draw_node(node_id, node, library) for node_id, node in document["nodes"].items()}
    exits: dict[tuple[str, str], str] = {}
    for edge_id in sorted(document["edges"]):
        edge = document["edges"][edge_id]
        if edge["source"] in nodes and edge["target"] in nodes:
            exits.setdefault((edge["source"], edge["port"]), edge["target"])
    roots = _roots(document, nodes)
    starts = [trigger["node"] for trigger in document["triggers"] if trigger["type"] == "conversation_start"]
    start = starts[0] if starts and starts[0] in nodes else None
    following = {node_id: tuple(_following(node, nodes, exits)) for node_id, node in nodes.items()}
    met = _met(roots, following)
    rest = sorted(nodes.keys() - set(met))
    return Drawing(document, start, nodes, exits, (*met, *rest), frozenset(met), roots, following)


def draw_node(node_id: str, node: Mapping[str, Any], library: Library) -> DrawnNode:
    """One node, from its own entry alone."""
    kind = library.get(node["type"])
    on_error = node.get("on_error", {}).get("do", "stop")
    title = node.get("title") or (node["type"] if kind is None else kind.title)
    if kind is None:
        return DrawnNode(node_id, node["type"], None, title, node["settings"], on_error, ports_with_error(None, {}, on_error), node)
    settings = complete(kind.schema, node["settings"])
    places = tuple(walk(kind.schema, settings))
    unused = hidden_fields(kind.schema, settings)
    words = [(path, part, value) for path, part, value in places if isinstance(value, str) and value]
    return DrawnNode(
        id=node_id,
        type=node["type"],
        kind=kind,
        title=title,
        settings=settings,
        on_error=on_error,
        ports=ports_with_error(kind, settings, on_error),
        raw=node,
        places=places,
        texts=tuple((path, value) for path, part, value in words if part.get("x-template", True) and is_template(value)),
        sets=tuple((path, value) for path, part, value in words if part.get("x-widget") == "variable"),
        reads=tuple((path, value) for path, part, value in words if part.get("x-reads")),
        references=tuple(_references(places)),
        customer_texts=tuple(
            (path, value)
            for path, part, value in words
            if part.get("x-customer") and value.strip() and path.partition(".")[0] not in unused
        ),
    )


def _roots(document: Mapping[str, Any], nodes: Mapping[str, DrawnNode]) -> tuple[str, ...]:
    triggers = sorted(document["triggers"], key=lambda trigger: trigger["type"] != "conversation_start")
    return tuple(dict.fromkeys(trigger["node"] for trigger in triggers if trigger["node"] in nodes))


def _following(node: DrawnNode, nodes: Mapping[str, DrawnNode], exits: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    """(port, next node) for each way out that leads somewhere, jumps included."""
    for port in node.ports:
        target = exits.get((node.id, port.name))
        if target is not None:
            yield port.name, target
    for _, target in node.refers_to("node"):
        if target in nodes:
            yield JUMP, target


def _met(roots: tuple[str, ...], following: Mapping[str, tuple[tuple[str, str], ...]]) -> list[str]:
    """The nodes in the order a conversation can meet them."""
    met = list(roots)
    seen = set(met)
    waiting = deque(met)
    while waiting:
        for _, target in following[waiting.popleft()]:
            if target not in seen:
                seen.add(target)
                met.append(target)
                waiting.append(target)
    return met
