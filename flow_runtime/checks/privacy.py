"""Does anything personal leave the house before the customer has agreed."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.checks.variables import node_reads
from flow_runtime.problems import Problem

_LEAVES_FOR = {"ai": "a language model", "integrations": "another system"}


def check_personal_data(drawing: Drawing) -> Iterator[Problem]:
    """A variable marked as personal that a node sends to a model or an outside host, on a way on which nobody asked for consent.

    Consent is a condition before it that looks at a variable with "consent" in its name, or a question whose answer is remembered in one
    and decides the way.
    """
    personal = {name for name, about in drawing.document.get("variables", {}).items() if about.get("personal")}
    if not personal:
        return
    agreed = _after_consent(drawing)
    for node_id in drawing.order:
        node = drawing.nodes[node_id]
        goes_to = _LEAVES_FOR.get(node.kind.category) if node.kind is not None and node.calls_out else None
        if goes_to is None or node_id in agreed:
            continue
        told: set[str] = set()
        for field, path in node_reads(node):
            if path[0] in personal and path[0] not in told:
                told.add(path[0])
                message = f'"{path[0]}" is personal, and "{node.title}" sends it to {goes_to} before the customer has agreed.'
                fix = "Ask for consent before it and branch on the answer, or leave the variable out."
                yield Problem("personal_data_leaves", "warning", node_id, field, message, fix)


def _after_consent(drawing: Drawing) -> set[str]:
    """The nodes that no conversation gets to without passing a condition on consent."""
    open_to = set(drawing.roots)
    waiting = list(drawing.roots)
    for node_id in waiting:
        if _asks_for_consent(drawing.nodes[node_id]):
            continue
        for target in drawing.after(node_id):
            if target not in open_to:
                open_to.add(target)
                waiting.append(target)
    return set(drawing.reachable - open_to)


def _asks_for_consent(node: DrawnNode) -> bool:
    looked_at = [path.split(".")[0] for _, path in node.reads]
    answered = [name for _, name in node.sets] if len(node.ports) > 1 else []
    return any("consent" in name.lower() for name in (*looked_at, *answered))
