"""From a document to a flow ready to run."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.checks import Drawing, blocking_problems
from flow_runtime.checks.drawing import DrawnNode
from flow_runtime.errors import InvalidFlow
from flow_runtime.expressions import Texts
from flow_runtime.flow import DEFAULT_FALLBACK, Flow, Node, Variable
from flow_runtime.nodes import Library
from flow_runtime.settings import templates, variables_set


def load_flow(document: Any, library: Library) -> Flow:
    """The flow, validated and compiled once. Raises InvalidFlow when it cannot run.

    A flow with other problems can be tried but not published: that is `problems_of`'s business.
    """
    drawing, problems = blocking_problems(document, library)
    if drawing is None or problems:
        raise InvalidFlow(problems)
    fallback = drawing.document.get("settings", {}).get("fallback_text") or DEFAULT_FALLBACK
    sources = [text for node in drawing.nodes.values() if node.kind for _, text in templates(node.kind.schema, node.settings)]
    return Flow(
        name=drawing.document["name"],
        start=drawing.start or "",
        nodes={node.id: _compiled(node, drawing) for node in drawing.nodes.values()},
        variables={name: _variable(name, about) for name, about in drawing.document.get("variables", {}).items()},
        fallback_text=fallback,
        texts=Texts([*sources, fallback]),
    )


def _compiled(node: DrawnNode, drawing: Drawing) -> Node:
    if node.kind is None:
        raise InvalidFlow([])
    exits = {port.name: drawing.exits[node.id, port.name] for port in node.ports if (node.id, port.name) in drawing.exits}
    error_value = node.raw.get("on_error", {}).get("value")
    sets = tuple(name for _, name in variables_set(node.kind.schema, node.settings))
    return Node(node.id, node.kind, node.title, node.settings, node.ports, exits, sets, node.on_error, error_value)


def _variable(name: str, about: Mapping[str, Any]) -> Variable:
    return Variable(name, about.get("type", "text"), about.get("scope", "flow"), about.get("default"))
