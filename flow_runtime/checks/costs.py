"""What one turn may cost at most."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing
from flow_runtime.checks.loops import circles
from flow_runtime.limits import VISITS_PER_NODE_PER_TURN
from flow_runtime.problems import Problem, Surroundings


def check_costs(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """The dearest way from one word of the customer to the next stays within the budget of a turn."""
    if surroundings.budget is None:
        return
    prices = {node.id: surroundings.prices.get(node.type, 0.0) for node in drawing.nodes.values()}
    if not any(prices.values()):
        return
    dearest, path = _dearest(drawing, prices)
    if dearest > surroundings.budget and path:
        names = " → ".join(f'"{drawing.nodes[node_id].title}"' for node_id in path[:6])
        message = f"One turn may cost {dearest:.4g} USD, above the budget of {surroundings.budget:.4g} USD: {names}."
        fix = "Ask the customer something in between, call less often, or raise the budget in the settings of the flow."
        yield Problem("cost_over_budget", "warning", path[0], None, message, fix)


def _dearest(drawing: Drawing, prices: dict[str, float]) -> tuple[float, list[str]]:
    """The highest price of a path on which nobody waits for the customer, and the nodes with a price on it.

    What stands in a circle counts as often as one node may run in a turn.
    """
    after = {node_id: [] if _listens(drawing, node_id) else drawing.after(node_id) for node_id in drawing.order}
    groups = {node_id: circle for circle in circles(after) for node_id in circle}
    best: dict[str, tuple[float, str | None]] = {}
    for node_id in _from_the_end(after):
        inside = groups.get(node_id, frozenset())
        own = sum(prices[name] for name in inside) * VISITS_PER_NODE_PER_TURN if inside else prices[node_id]
        beyond = [target for target in after[node_id] if target not in inside and target in best]
        target = max(beyond, key=lambda name: best[name][0], default=None)
        best[node_id] = (own + (0.0 if target is None else best[target][0]), target)
    first = max(best, key=lambda name: best[name][0], default=None)
    if first is None:
        return 0.0, []
    path: list[str] = []
    here: str | None = first
    while here is not None:
        if prices[here]:
            path.append(here)
        here = best[here][1]
    return best[first][0], path


def _listens(drawing: Drawing, node_id: str) -> bool:
    """Whether the turn is over here: the node waits for the customer and for nothing dearer."""
    node = drawing.nodes[node_id]
    return node.kind is not None and "message" in node.kind.waits and not node.calls_out


def _from_the_end(after: dict[str, list[str]]) -> Iterator[str]:
    """The nodes, each after those that follow it as far as circles allow (depth first, without recursion)."""
    seen: set[str] = set()
    for root in after:
        if root in seen:
            continue
        seen.add(root)
        work = [(root, iter(after[root]))]
        while work:
            node_id, targets = work[-1]
            target = next((name for name in targets if name not in seen), None)
            if target is None:
                work.pop()
                yield node_id
            else:
                seen.add(target)
                work.append((target, iter(after[target])))
