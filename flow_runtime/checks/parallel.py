"""Paths that run inside a node: the branches of run_parallel and the body of for_each."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.problems import Problem

INNER = frozenset(("for_each", "run_parallel"))
"""The nodes whose paths end inside them."""

_AFTERWARDS = frozenset(("done", "failed", "timeout", "empty", "next"))


def inner_paths(drawing: Drawing, node: DrawnNode, outer: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """(port, nodes in the order they are met) for each way out whose path ends inside the node; not past the node `outer`."""
    for port, target in drawing.following[node.id]:
        if port not in _AFTERWARDS and target != outer:
            path = [target]
            seen = {target, node.id, outer}
            for node_id in path:
                for following in drawing.after(node_id):
                    if following not in seen:
                        seen.add(following)
                        path.append(following)
            yield port, path


def inside(drawing: Drawing) -> set[str]:
    """The nodes that only such paths lead to: where one of them ends, the node around it goes on."""
    inner = {node_id for node in drawing.nodes.values() if node.type in INNER for _, path in inner_paths(drawing, node) for node_id in path}
    return inner - _outside(drawing) if inner else inner


def _outside(drawing: Drawing) -> set[str]:
    """The nodes that a conversation gets to without being inside another node."""
    seen = set(drawing.roots)
    waiting = list(drawing.roots)
    for node_id in waiting:
        opens = drawing.nodes[node_id].type in INNER
        for port, target in drawing.following[node_id]:
            if target not in seen and not (opens and port not in _AFTERWARDS):
                seen.add(target)
                waiting.append(target)
    return seen


def check_branches(drawing: Drawing) -> Iterator[Problem]:
    """Several branches at once cannot ask the customer several things."""
    for node in drawing.nodes.values():
        if node.type != "run_parallel":
            continue
        for port, path in inner_paths(drawing, node):
            for node_id in path:
                inner = drawing.nodes[node_id]
                if inner.kind is not None and "message" in inner.kind.waits and not inner.calls_out:
                    message = f'"{inner.title}" waits for the customer inside the branch "{port}" of "{node.title}".'
                    fix = "Ask before the branches begin, or after they are done."
                    yield Problem("waiting_branch", "error", node_id, None, message, fix)


def check_bodies(drawing: Drawing) -> Iterator[Problem]:
    """A list inside a list does not begin the outer one again. The outer one's own path may lead back to it: there the item is done."""
    loops = [drawing.nodes[node_id] for node_id in drawing.order if drawing.nodes[node_id].type == "for_each"]
    for place, outer in enumerate(loops[:-1], start=1):
        body = {node_id for _, path in inner_paths(drawing, outer) for node_id in path}
        for inner in (node for node in loops[place:] if node.id in body):
            for node_id, port in _back_to(drawing, inner, outer):
                title = drawing.nodes[node_id].title
                message = f'"{title}" leads back to "{outer.title}", which would go through its list again inside "{inner.title}".'
                fix = f'Let the path end here: the next item of "{inner.title}" follows by itself.'
                yield Problem("endless_body", "error", node_id, None if port is None else f"ports.{port}", message, fix)


def _back_to(drawing: Drawing, inner: DrawnNode, outer: DrawnNode) -> Iterator[tuple[str, str | None]]:
    """The nodes from which the path of the inner list leads to the outer one; for the inner list itself with its way out."""
    for port, target in drawing.following[inner.id]:
        if port not in _AFTERWARDS and target == outer.id:
            yield inner.id, port
    for _, path in inner_paths(drawing, inner, outer.id):
        for node_id in path:
            if outer.id in drawing.after(node_id):
                yield node_id, None
