"""Do connections, knowledge bases, agents and other flows that nodes name exist, and can they be used."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.problems import FlowInterface, Problem, Surroundings


def check_connections(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """A named connection exists and its credential still holds."""
    if surroundings.connections is None:
        return
    for node in drawing.nodes.values():
        for field, name in node.refers_to("connection"):
            if name not in surroundings.connections:
                message = f'There is no connection called "{name}".'
                yield Problem("unknown_connection", "error", node.id, field, message, "Choose another one, or add it under Integrations.")
            elif surroundings.connections[name]:
                message = f'The connection "{name}" cannot be used: {surroundings.connections[name]}.'
                yield Problem("expired_credential", "error", node.id, field, message, "Sign in to it again under Integrations.")


def check_knowledge(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """A named knowledge base exists."""
    fix = "Choose another one, or add it under Knowledge."
    yield from _unknown(drawing, "knowledge", surroundings.knowledge, "unknown_knowledge_base", "knowledge base", fix)


def check_agents(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """A named agent exists."""
    yield from _unknown(drawing, "agent", surroundings.agents, "unknown_agent", "agent", "Choose another one, or add it under Agents.")


def _unknown(drawing: Drawing, what: str, known: Collection[str] | None, code: str, noun: str, fix: str) -> Iterator[Problem]:
    if known is None:
        return
    for node in drawing.nodes.values():
        for field, name in node.refers_to(what):
            if name not in known:
                yield Problem(code, "error", node.id, field, f'There is no {noun} called "{name}".', fix)


def check_subflows(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """A flow that is called exists, gets the inputs that it needs and gives the outputs that are read."""
    if surroundings.subflows is None:
        return
    for node in drawing.nodes.values():
        for field, ref in node.refers_to("flow"):
            callee = surroundings.subflows.get(ref)
            if callee is None:
                message = f'"{node.title}" calls a flow that does not exist.'
                yield Problem("unknown_subflow", "error", node.id, field, message, "Choose another flow.")
            else:
                yield from _wiring(node, callee)
                yield from _recursion(drawing, node, ref, surroundings)


def _wiring(node: DrawnNode, callee: FlowInterface) -> Iterator[Problem]:
    given = _names(node.settings.get("inputs"))
    for name, required in sorted(callee.inputs.items()):
        if required and name not in given:
            message = f'"{callee.name}" needs the input "{name}".'
            yield Problem("missing_input", "error", node.id, "inputs", message, f'Give it a value for "{name}".')
    for what, names, known in (("inputs", given, callee.inputs), ("outputs", _names(node.settings.get("outputs")), callee.outputs)):
        for name in sorted(names.difference(known)):
            message = f'"{callee.name}" has no {what.removesuffix("s")} called "{name}".'
            yield Problem("unknown_interface", "error", node.id, what, message, "Take it out, or declare it in that flow.")


def _names(value: Any) -> set[str]:
    """The names on the called flow's side: keys of an object, or the `name` of rows."""
    if isinstance(value, Mapping):
        return set(value)
    rows = value if isinstance(value, list) else []
    return {row["name"] for row in rows if isinstance(row, Mapping) and isinstance(row.get("name"), str)}


def _recursion(drawing: Drawing, node: DrawnNode, ref: str, surroundings: Surroundings) -> Iterator[Problem]:
    """Calling flows that call each other, and this one, whatever happens, never ends."""
    flows = surroundings.subflows or {}
    if surroundings.ref is None or ref not in always_called(drawing):
        return
    seen = {ref}
    waiting = [ref]
    for name in waiting:
        if name == surroundings.ref:
            message = f'"{node.title}" calls flows that call this flow again, whatever the customer does: it would never end.'
            fix = "Branch before the call, so that the flow can end without it."
            yield Problem("endless_recursion", "error", node.id, None, message, fix)
            return
        more = flows[name].always_calls - seen if name in flows else ()
        seen.update(more)
        waiting += sorted(more)


def always_called(drawing: Drawing) -> frozenset[str]:
    """The flows that a run of this one calls whatever happens: taking the call away, no end can be reached from the start."""
    if drawing.start is None:
        return frozenset()
    return frozenset(ref for node in drawing.nodes.values() for _, ref in node.refers_to("flow") if not _ends_without(drawing, node.id))


def _ends_without(drawing: Drawing, call: str) -> bool:
    start = drawing.start or ""
    if start == call:
        return False
    seen = {start}
    waiting = [start]
    for node_id in waiting:
        node = drawing.nodes[node_id]
        if node.ends or any((node_id, port.name) not in drawing.exits for port in node.ports if port.name != "failed"):
            return True
        for target in drawing.after(node_id):
            if target != call and target not in seen:
                seen.add(target)
                waiting.append(target)
    return False


def interface_of_drawing(drawing: Drawing) -> FlowInterface:
    """The flow as another one calls it."""
    interface = drawing.document.get("interface", {})
    return FlowInterface(
        name=drawing.document["name"],
        inputs={entry["name"]: bool(entry.get("required")) for entry in interface.get("inputs", ())},
        outputs=frozenset(entry["name"] for entry in interface.get("outputs", ())),
        always_calls=always_called(drawing),
    )
