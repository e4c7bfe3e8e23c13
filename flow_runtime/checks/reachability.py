"""Can a conversation get to every node."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing
from flow_runtime.problems import Problem


def check_reachability(drawing: Drawing) -> Iterator[Problem]:
    """A node nothing leads to is never used."""
    if drawing.start is None:
        return
    for node in drawing.nodes.values():
        if node.id not in drawing.reachable:
            message = f'No conversation can get to "{node.title}".'
            yield Problem("unreachable_node", "warning", node.id, None, message, "Connect something to it, or delete it.")
