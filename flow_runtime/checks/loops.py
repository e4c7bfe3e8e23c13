"""Can the flow run in a circle without anybody doing anything."""

from collections.abc import Iterator, Mapping

from flow_runtime.checks.drawing import Drawing
from flow_runtime.checks.parallel import inner_paths
from flow_runtime.limits import VISITS_PER_NODE_PER_TURN
from flow_runtime.problems import Problem


def check_loops(drawing: Drawing) -> Iterator[Problem]:
    """A circle in which nothing waits. It never ends when no node in it changes a variable: the same way is taken each time."""
    busy = {node_id for node_id, node in drawing.nodes.items() if node.kind is not None and not node.kind.waits}
    after = {node_id: [target for target in drawing.after(node_id) if target in busy] for node_id in drawing.order if node_id in busy}
    place = {node_id: index for index, node_id in enumerate(drawing.order)}
    for circle in circles(after):
        if _begins_a_list_again(drawing, circle):
            continue
        nodes = sorted(circle, key=lambda node_id: place[node_id])
        names = " → ".join(f'"{drawing.nodes[node_id].title}"' for node_id in nodes[:6])
        if _can_end(drawing, circle):
            message = f"{names} may repeat without waiting; after {VISITS_PER_NODE_PER_TURN} rounds the conversation is stopped."
            yield Problem(
                "endless_loop", "warning", nodes[0], None, message, "Make sure that the loop ends, or ask the customer something in it."
            )
        else:
            message = f"{names} would repeat for ever: nothing in the circle waits for the customer, a timer or an answer."
            yield Problem("endless_loop", "error", nodes[0], None, message, "Put a question or a wait into the circle, or lead it out.")


def _begins_a_list_again(drawing: Drawing, circle: frozenset[str]) -> bool:
    """Whether it is the body of a for_each that leads back to it, which is a problem of its own."""
    for node_id in circle:
        node = drawing.nodes[node_id]
        if node.type == "for_each" and any(circle <= {node_id, *path} for _, path in inner_paths(drawing, node)):
            return True
    return False


def _can_end(drawing: Drawing, circle: frozenset[str]) -> bool:
    leaves = any(target not in circle for node_id in circle for target in _ways_out(drawing, node_id))
    changes = any(_sets_something(drawing, node_id) for node_id in circle)
    return leaves and changes


def _ways_out(drawing: Drawing, node_id: str) -> Iterator[str | None]:
    for port in drawing.nodes[node_id].ports:
        yield drawing.exits.get((node_id, port.name))


def _sets_something(drawing: Drawing, node_id: str) -> bool:
    return bool(drawing.nodes[node_id].sets)


def circles(after: Mapping[str, list[str]]) -> list[frozenset[str]]:
    """Groups of nodes that can all reach each other (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[frozenset[str]] = []
    for root in after:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        work = [(root, iter(after[root]))]
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    group = _popped(path, on_path, node)
                    if len(group) > 1 or node in after[node]:
                        found.append(group)
            elif target not in index:
                index[target] = low[target] = len(index)
                path.append(target)
                on_path.add(target)
                work.append((target, iter(after[target])))
            elif target in on_path:
                low[node] = min(low[node], index[target])
    return found


def _popped(path: list[str], on_path: set[str], until: str) -> frozenset[str]:
    group = set()
    while True:
        node = path.pop()
        on_path.discard(node)
        group.add(node)
        if node == until:
            return frozenset(group)
