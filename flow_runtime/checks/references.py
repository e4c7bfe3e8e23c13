"""Does everything the document names exist: node types and versions, both ends of each connection, ports."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.problems import Problem, Surroundings
from flow_runtime.upgrades import upgrade_fault


def check_node_type(node: DrawnNode) -> Iterator[Problem]:
    """The node is of a kind, and of a version, that this server has."""
    version = node.raw.get("type_version", 1)
    if node.kind is None:
        message = f'This server has no node of the type "{node.type}".'
        yield Problem("unknown_node_type", "error", node.id, None, message, "Install the plugin it comes from, or delete the node.")
    elif version < node.kind.version and (fault := upgrade_fault(node.kind, node.raw)) is not None:
        message = f'The settings of "{node.title}" could not be brought to version {node.kind.version} of its type. {fault.rstrip(".")}.'
        yield Problem("upgrade_failed", "error", node.id, None, message, "Add the node again, or tell whoever makes its plugin.")
    elif version != node.kind.version:
        message = f'"{node.title}" is version {version} of its type; this server has version {node.kind.version}.'
        yield Problem("unknown_node_version", "error", node.id, None, message, "Update the plugin it comes from, or add the node again.")


def check_jumps(drawing: Drawing) -> Iterator[Problem]:
    """A node that names the next one names one that exists."""
    for node in drawing.nodes.values():
        for field, target in node.refers_to("node"):
            if target not in drawing.nodes:
                message = f'"{node.title}" leads to a step that does not exist.'
                yield Problem("unknown_step", "error", node.id, field, message, "Choose the step to go on with.")


def check_blocked(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """The workspace may use the nodes that the flow is made of."""
    for node in drawing.nodes.values():
        reason = surroundings.blocked.get(node.type) if node.kind is not None else None
        if reason is not None:
            message = f'"{node.title}" cannot be used in this workspace: {reason}.'
            yield Problem("blocked_node_type", "error", node.id, None, message, "Switch its plugin on under Plugins, or delete the node.")


def check_edges(drawing: Drawing) -> Iterator[Problem]:
    """Every connection has two ends, and leaves by a port of its own."""
    taken: set[tuple[str, str]] = set()
    for edge_id in sorted(drawing.document["edges"]):
        edge = drawing.document["edges"][edge_id]
        source, port = edge["source"], edge["port"]
        missing = [end for end in (source, edge["target"]) if end not in drawing.nodes]
        field = f"edges.{edge_id}"
        if missing:
            known = source if source in drawing.nodes else None
            message = f'A connection leads to or from "{missing[0]}", which does not exist.'
            yield Problem("dangling_edge", "error", known, field, message, "Delete the connection.")
            continue
        node = drawing.nodes[source]
        if node.kind is not None and all(port != known.name for known in node.ports):
            message = f'A connection leaves "{node.title}" by "{port}", which it does not have any more.'
            yield Problem("unknown_port", "error", source, field, message, "Delete the connection, or connect it to another way out.")
        if (source, port) in taken:
            message = f'Two connections leave "{node.title}" by "{port}".'
            yield Problem("duplicate_edge", "error", source, field, message, "Delete one of them.")
        taken.add((source, port))
