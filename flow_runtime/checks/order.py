"""Is a variable set before it is read, whichever way a conversation goes."""

from collections import deque
from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.checks.parallel import inner_paths
from flow_runtime.checks.variables import node_reads, set_by_triggers
from flow_runtime.expressions import reading
from flow_runtime.flow import BUILT_IN_NAMES, LASTING_SCOPES
from flow_runtime.problems import Problem

WITHOUT_RESULT = frozenset(("failed", "timeout", "invalid", "no_model", "cancelled", "skipped", "not_available"))
"""The ways out by which a node has nothing to remember."""
_SHOWN = 6
_ASKS_WHETHER_EMPTY = frozenset(("is_empty", "is_not_empty"))


def check_order(drawing: Drawing) -> Iterator[Problem]:
    """A variable without a default that some path reads before any node has set it. The path is in the message."""
    wanted = _wanted(drawing)
    if not wanted:
        return
    bits = {name: 1 << index for index, name in enumerate(sorted({name for reads in wanted.values() for _, name in reads}))}
    known = _known_on_arrival(drawing, bits)
    for node_id in drawing.order:
        told: set[str] = set()
        for field, name in wanted.get(node_id, ()):
            if known.get(node_id, -1) & bits[name] or name in told or _set_above(drawing.nodes[node_id], field, name):
                continue
            told.add(name)
            path = _path_without(drawing, node_id, name)
            message = f'"{name}" is read here, but on this way nothing has set it: {_in_words(drawing, path)}.'
            fix = f'Set "{name}" on every way here, give it a default, or read it as {{{{ {name} | default("...") }}}}.'
            yield Problem("read_before_set", "warning", node_id, field, message, fix)


def _wanted(drawing: Drawing) -> dict[str, list[tuple[str, str]]]:
    """(field, name) for each reachable node that reads a variable that is empty until a node sets it."""
    declared = drawing.document.get("variables", {})
    inputs = {entry["name"] for entry in drawing.document.get("interface", {}).get("inputs", ())}
    set_somewhere = {name for node in drawing.nodes.values() for _, name in node.sets} | {name for _, name in set_by_triggers(drawing)}
    has_value = {name for name, about in declared.items() if "default" in about or about.get("scope") in LASTING_SCOPES}
    tracked = set_somewhere - has_value - inputs - BUILT_IN_NAMES
    found: dict[str, list[tuple[str, str]]] = {}
    for node_id in drawing.reachable:
        node = drawing.nodes[node_id]
        guarded = guarded_names(node)
        reads = [(field, path[0]) for field, path in node_reads(node) if path[0] in tracked and path[0] not in guarded]
        if reads:
            found[node_id] = reads
    return found


def guarded_names(node: DrawnNode) -> set[str]:
    """The names for which the node says itself what happens while they are empty."""
    names = {name for _, text in node.texts for name in reading(text).guarded}
    for _, _, value in node.places:
        if isinstance(value, dict) and value.get("operator") in _ASKS_WHETHER_EMPTY and isinstance(value.get("variable"), str):
            names.add(value["variable"].split(".")[0])
    return names


def _sets(drawing: Drawing, node: DrawnNode, port: str) -> set[str]:
    """What is set for certain when the node is left by that way out."""
    if port in WITHOUT_RESULT or (node.type == "for_each" and port == "done"):
        return set()
    names = {name for _, name in node.sets}
    if node.type != "run_parallel" or port != "done":
        return names
    branches = [{name for node_id in path for _, name in drawing.nodes[node_id].sets} for _, path in inner_paths(drawing, node)]
    joined = set.intersection if node.settings.get("join") == "first" else set.union
    return names | joined(*branches) if branches else names


def _known_on_arrival(drawing: Drawing, bits: dict[str, int]) -> dict[str, int]:
    """For each node the variables (as bits) that are set on every way to it: the largest solution, by a work list."""
    known = {root: _sum(bits.get(name, 0) for name in _brought(drawing, root)) for root in drawing.roots}
    gains = {
        node_id: {port: _sum(bits.get(name, 0) for name in _sets(drawing, drawing.nodes[node_id], port)) for port, _ in ways}
        for node_id, ways in drawing.following.items()
        if node_id in drawing.reachable
    }
    waiting = deque(drawing.roots)
    queued = set(waiting)
    while waiting:
        node_id = waiting.popleft()
        queued.discard(node_id)
        for port, target in drawing.following[node_id]:
            leaving = known[node_id] | gains[node_id][port]
            before = known.get(target)
            after = leaving if before is None else before & leaving
            if after != before:
                known[target] = after
                if target not in queued:
                    queued.add(target)
                    waiting.append(target)
    return known


def _brought(drawing: Drawing, root: str) -> set[str]:
    """The variables that every trigger that leads to the node has set."""
    leading = [{trigger.get("save_as")} for trigger in drawing.document["triggers"] if trigger["node"] == root]
    return set.intersection(*leading) - {None}


def _sum(bits: Iterator[int]) -> int:
    total = 0
    for bit in bits:
        total |= bit
    return total


def _set_above(node: DrawnNode, field: str, name: str) -> bool:
    """Whether an earlier row of the same list sets it: rows are worked through from top to bottom."""
    row = _row(field)
    return row is not None and any(
        other is not None and other[0] == row[0] and other[1] < row[1] for set_field, set_name in node.sets if set_name == name
        for other in (_row(set_field),)
    )  # fmt: skip


def _row(field: str) -> tuple[str, int] | None:
    parts = field.split(".")
    return (parts[0], int(parts[1])) if len(parts) > 1 and parts[1].isdecimal() else None


def _path_without(drawing: Drawing, goal: str, name: str) -> list[tuple[str, str | None]]:
    """The shortest way from a trigger to the node on which nothing sets the variable: (node, port it is left by)."""
    came_by: dict[str, tuple[str, str] | None] = dict.fromkeys(root for root in drawing.roots if name not in _brought(drawing, root))
    waiting = deque(came_by)
    while waiting and goal not in came_by:
        node_id = waiting.popleft()
        for port, target in drawing.following[node_id]:
            if target not in came_by and name not in _sets(drawing, drawing.nodes[node_id], port):
                came_by[target] = (node_id, port)
                waiting.append(target)
    path: list[tuple[str, str | None]] = [(goal, None)]
    step = came_by.get(goal)
    while step is not None:
        path.append(step)
        step = came_by[step[0]]
    return path[::-1]


def _in_words(drawing: Drawing, path: list[tuple[str, str | None]]) -> str:
    shown = path if len(path) <= _SHOWN else [*path[: _SHOWN - 2], *path[-2:]]
    words = [_step_in_words(drawing, node_id, port) for node_id, port in shown]
    if len(path) > _SHOWN:
        words.insert(_SHOWN - 2, "…")
    return " → ".join(words)


def _step_in_words(drawing: Drawing, node_id: str, port: str | None) -> str:
    node = drawing.nodes[node_id]
    title = next((other.title for other in node.ports if other.name == port), "") if len(node.ports) > 1 else ""
    return f'"{node.title}" ({title})' if title else f'"{node.title}"'
