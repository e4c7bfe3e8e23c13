"""Are the ways out connected, and can each be told from the others."""

from collections import Counter
from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.nodes import FAILED
from flow_runtime.problems import Problem

FALLBACKS = frozenset(("otherwise", "timeout", "invalid"))


def check_unconnected_ports(drawing: Drawing) -> Iterator[Problem]:
    """A required way out leads somewhere; so does the failure of a node that asks another system."""
    for node in drawing.nodes.values():
        for port in node.ports:
            if (node.id, port.name) in drawing.exits:
                continue
            field = f"ports.{port.name}"
            if port.required:
                message = f'Nothing follows "{port.title}" of "{node.title}": the customer would get no answer.'
                yield Problem("unconnected_port", "error", node.id, field, message, f'Connect "{port.title}" to the next step.')
            elif port.name == FAILED:
                message = f'"{node.title}" does not say what happens when it fails: the conversation would end with the fallback text.'
                fix = f'Connect "{port.title}" to a message that helps the customer on.'
                yield Problem("no_error_branch", "warning", node.id, field, message, fix)
            elif port.name in FALLBACKS and node.calls_out:
                message = f'Nothing follows "{port.title}" of "{node.title}": a customer whom it cannot help would hear nothing.'
                yield Problem("no_fallback", "warning", node.id, field, message, f'Connect "{port.title}" to a message that says so.')


def check_duplicate_ports(node: DrawnNode) -> Iterator[Problem]:
    """Two ways out of one node never have the same name."""
    if len(node.ports) < 2:
        return
    for name, count in Counter(port.name for port in node.ports).items():
        if count > 1:
            message = f'"{node.title}" has {count} ways out called "{name}".'
            yield Problem("duplicate_port", "error", node.id, None, message, "Give each its own name.")
