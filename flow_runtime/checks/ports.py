"""Are the ways out connected, and can each be told from the others."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.checks.parallel import INNER, inside
from flow_runtime.nodes import FAILED
from flow_runtime.problems import Problem

FALLBACKS = frozenset(("otherwise", "timeout", "invalid"))


def check_unconnected_ports(drawing: Drawing) -> Iterator[Problem]:
    """A required way out leads somewhere, unless paths may end there; so does the failure of a node that asks another system."""
    may_end = _may_end(drawing)
    for node in drawing.nodes.values():
        for port in node.ports:
            if (node.id, port.name) in drawing.exits:
                continue
            field = f"ports.{port.name}"
            if port.required and (node.id not in may_end or node.type in INNER):
                message = f'Nothing follows "{port.title}" of "{node.title}": the customer would get no answer.'
                yield Problem("unconnected_port", "error", node.id, field, message, f'Connect "{port.title}" to the next step.')
            elif port.name == FAILED:
                message = f'"{node.title}" does not say what happens when it fails: the conversation would end with the fallback text.'
                fix = f'Connect "{port.title}" to a message that helps the customer on.'
                yield Problem("no_error_branch", "warning", node.id, field, message, fix)
            elif port.name in FALLBACKS and node.calls_out:
                message = f'Nothing follows "{port.title}" of "{node.title}": a customer whom it cannot help would hear nothing.'
                yield Problem("no_fallback", "warning", node.id, field, message, f'Connect "{port.title}" to a message that says so.')


def _may_end(drawing: Drawing) -> frozenset[str]:
    """The nodes at which a path may just end, because something goes on by itself: the next item of a list, the step after parallel
    branches, the question that a trigger interrupted, the flow that runs this one.
    """
    if drawing.document.get("interface"):
        return frozenset(drawing.nodes)
    returning = [trigger["node"] for trigger in drawing.document["triggers"] if _returns(trigger) and trigger["node"] in drawing.nodes]
    others = [trigger["node"] for trigger in drawing.document["triggers"] if not _returns(trigger) and trigger["node"] in drawing.nodes]
    return frozenset(inside(drawing) | (_behind(drawing, returning) - _behind(drawing, others)))


def _returns(trigger: Mapping[str, Any]) -> bool:
    """Whether the interrupted question is asked again when the trigger's path ends."""
    ends = trigger["type"] in ("conversation_start", "error") or trigger.get("command") == "restart"
    return not ends and bool(trigger.get("returns", True))


def _behind(drawing: Drawing, starts: list[str]) -> set[str]:
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        fresh = [target for target in drawing.after(waiting.pop()) if target not in seen]
        seen.update(fresh)
        waiting += fresh
    return seen


def check_duplicate_ports(node: DrawnNode) -> Iterator[Problem]:
    """Two ways out of one node never have the same name."""
    if len(node.ports) < 2:
        return
    for name, count in Counter(port.name for port in node.ports).items():
        if count > 1:
            message = f'"{node.title}" has {count} ways out called "{name}".'
            yield Problem("duplicate_port", "error", node.id, None, message, "Give each its own name.")
