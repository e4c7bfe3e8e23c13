"""Editing a draft: a document and an operation in, a command out. Pure."""

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from server.flows.document import Change, Command, Document, command, start_of
from server.flows.error_policy import SetErrorPolicy, policy_of
from server.flows.flow_settings import SetInterface, SetSettings, set_interface, set_settings
from server.flows.languages import SetLanguages, SetTranslation, carried, set_languages, set_translation
from server.flows.operations import Add, Connect, Delete, Move, OnFlow, Operation, Paste, Start
from server.flows.refusal import EditRefused
from server.flows.triggers import DeleteTrigger, SetTrigger, delete_trigger, set_trigger
from server.flows.variables import DeleteVariable, RenameVariable, SetVariable, delete_variable, rename_variable, set_variable

MAX_STEPS = 2_000
MAX_COORDINATE = 1_000_000
FIELDS = ("name", "description", "languages", "variables", "interface", "triggers", "settings")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Kinds(Protocol):
    """What editing must know of the node library."""

    def title(self, kind: str) -> str:
        """The title of a node type, KeyError for an unknown one."""

    def version(self, kind: str) -> int:
        """The newest version of a node type."""

    def defaults(self, kind: str) -> dict[str, Any]:
        """The settings a new step of this type starts with."""

    def schema(self, kind: str) -> Mapping[str, Any]:
        """The JSON Schema of a node type's settings; empty for a type that is not installed."""

    def port_names(self, step: Mapping[str, Any]) -> Sequence[str]:
        """The outputs of a step, in the order they are shown; none for a type that is not installed."""


def operate(document: Document, operation: Operation, kinds: Kinds, copied_from: Document | None = None) -> Command:
    """The command that does `operation`; `copied_from` is the document a paste takes its steps from."""
    match operation:
        case Move():
            return _move(document, operation)
        case Add():
            return _add(document, operation, kinds)
        case Connect():
            return _connect(document, operation, kinds)
        case Delete():
            return delete(document, operation.nodes, operation.edges)
        case Paste():
            return _paste(document, operation, copied_from or document)
        case Start():
            return _start(document, operation)
        case _:
            return _operate_on_flow(document, operation, kinds)


def _operate_on_flow(document: Document, operation: OnFlow, kinds: Kinds) -> Command:
    match operation:
        case SetVariable():
            return set_variable(document, operation)
        case DeleteVariable():
            return delete_variable(document, operation)
        case RenameVariable():
            return rename_variable(document, operation, kinds)
        case SetTrigger():
            return set_trigger(document, operation)
        case DeleteTrigger():
            return delete_trigger(document, operation)
        case SetLanguages():
            return set_languages(document, operation)
        case SetTranslation():
            return set_translation(document, operation)
        case SetSettings():
            return set_settings(document, operation)
        case SetInterface():
            return set_interface(document, operation)
        case SetErrorPolicy():
            return save_step(document, operation.node, policy_of(operation), kinds)


def _move(document: Document, operation: Move) -> Command:
    moved = {name: {**document["nodes"][name], "position": _position(x, y)} for name, x, y in operation.moves if name in document["nodes"]}
    return command(document, Change(nodes=moved), "Move", operation.merge)


def _position(x: float, y: float) -> dict[str, int]:
    if not (abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE):
        raise EditRefused("That place is too far out. Put the step nearer to the others.")
    return {"x": round(x), "y": round(y)}


def _add(document: Document, operation: Add, kinds: Kinds) -> Command:
    _free(document["nodes"], operation.id)
    _room_for(document, 1)
    step = new_step(operation.type, kinds, operation.x, operation.y)
    edges: dict[str, Any] = {}
    if operation.split is not None:
        edges = _split(document, operation, kinds.port_names(step))
    elif operation.source is not None:
        _offers(document, operation.source, operation.port, kinds)
        edges = _joined(document, operation.edge, operation.source, operation.port, operation.id)
    fields = {} if document["nodes"] and start_of(document) else {"triggers": _triggers(document, operation.id)}
    return command(document, Change({operation.id: step}, edges, fields), f"Add {step['title']}")


def new_step(kind: str, kinds: Kinds, x: float, y: float) -> dict[str, Any]:
    """A step as it comes from the palette."""
    try:
        title = kinds.title(kind)
    except KeyError:
        raise EditRefused(f"There is no step of the type “{kind[:64]}” here.") from None
    return {
        "type": kind,
        "type_version": kinds.version(kind),
        "title": title,
        "settings": kinds.defaults(kind),
        "position": _position(x, y),
        "note": "",
        "on_error": {"do": "stop"},
    }


def _split(document: Document, operation: Add, ports: Sequence[str]) -> dict[str, Any]:
    """The connection leads to the new step, whose first output leads on to where the connection went."""
    edge = document["edges"].get(operation.split)
    if operation.split is None or edge is None:
        raise EditRefused("That connection is gone. Put the step next to it and connect it.")
    edges: dict[str, Any] = {operation.split: {**edge, "target": operation.id}}
    if ports and operation.edge2 is not None:
        edges |= _joined(document, operation.edge2, operation.id, ports[0], edge["target"])
    return edges


def _connect(document: Document, operation: Connect, kinds: Kinds) -> Command:
    _offers(document, operation.source, operation.port, kinds)
    _known(document, operation.target)
    edges = _joined(document, operation.id, operation.source, operation.port, operation.target)
    return command(document, Change(edges=edges), "Connect")


def _joined(document: Document, edge: str | None, source: str, port: str | None, target: str) -> dict[str, Any]:
    """One output leads to one step: what it led to before goes."""
    if edge is None or port is None:
        raise EditRefused("A connection needs an id and an output.")
    _free(document["edges"], edge)
    gone = {name: None for name, other in document["edges"].items() if other["source"] == source and other["port"] == port}
    return {**gone, edge: {"source": source, "port": port, "target": target}}


def delete(document: Document, nodes: Collection[str], edges: Collection[str]) -> Command:
    """Take steps and connections away, with the triggers that lead to them. A flow without its start starts at the step that came next."""
    gone = {name: None for name in nodes if name in document["nodes"]}
    cut = {name: None for name, edge in document["edges"].items() if name in edges or edge["source"] in gone or edge["target"] in gone}
    start = start_of(document)
    left = {**document, "triggers": [trigger for trigger in document["triggers"] if trigger["node"] not in gone]}
    start_at = _heir(document, start, gone) if start in gone else start
    fields = {"triggers": _triggers(left, start_at)} if len(left["triggers"]) < len(document["triggers"]) else {}
    count = len(gone) or len(cut)
    noun = "step" if gone else "connection"
    return command(document, Change(gone, cut, fields), f"Delete {count} {noun}{'' if count == 1 else 's'}")


def _heir(document: Document, start: str | None, gone: Collection[str]) -> str | None:
    followers = [edge["target"] for edge in document["edges"].values() if edge["source"] == start and edge["target"] not in gone]
    left = [name for name in document["nodes"] if name not in gone]
    return min(followers or left, key=lambda name: _reading_order(document["nodes"][name], name), default=None)


def _reading_order(step: Mapping[str, Any], name: str) -> tuple[float, float, str]:
    return step["position"]["x"], step["position"]["y"], name


def _paste(document: Document, operation: Paste, copied_from: Document) -> Command:
    wanted = [name for name in operation.nodes if name in copied_from["nodes"] and name in operation.ids]
    if not wanted:
        raise EditRefused("The copied steps are no longer there.")
    ids = {name: operation.ids[name] for name in wanted}
    if len(set(ids.values())) < len(ids):
        raise EditRefused("Each copy needs an id of its own.")
    for name in ids.values():
        _free(document["nodes"], name)
    _room_for(document, len(ids))
    nodes = {ids[name]: _shifted(copied_from["nodes"][name], operation.dx, operation.dy) for name in wanted}
    edges = {
        f"e-{secrets.token_hex(4)}": {"source": ids[edge["source"]], "port": edge["port"], "target": ids[edge["target"]]}
        for edge in copied_from["edges"].values()
        if edge["source"] in ids and edge["target"] in ids
    }
    fields = {} if start_of(document) else {"triggers": _triggers(document, ids[wanted[0]])}
    return command(document, Change(nodes, edges, fields), f"Paste {len(ids)} step{'' if len(ids) == 1 else 's'}")


def _shifted(step: Mapping[str, Any], dx: float, dy: float) -> dict[str, Any]:
    return {**step, "position": _position(step["position"]["x"] + dx, step["position"]["y"] + dy)}


def _start(document: Document, operation: Start) -> Command:
    _known(document, operation.node)
    return command(document, Change(fields={"triggers": _triggers(document, operation.node)}), "Start here")


def _triggers(document: Document, node: str | None) -> list[dict[str, Any]]:
    others = [trigger for trigger in document["triggers"] if trigger.get("type") != "conversation_start"]
    return [*([] if node is None else [{"id": "start", "type": "conversation_start", "node": node}]), *others]


def save_step(document: Document, name: str, changes: Mapping[str, Any], kinds: Kinds) -> Command:
    """Change title, settings, note, error handling or time limit of a step (None takes a part away).

    Connections of outputs that it no longer has go with it, translations of a changed text come along.
    """
    _known(document, name)
    after = {part: value for part, value in {**document["nodes"][name], **changes}.items() if value is not None}
    kept = set(kinds.port_names(after))
    lost = {edge_name: None for edge_name, edge in document["edges"].items() if edge["source"] == name and edge["port"] not in kept}
    return command(document, Change({name: after}, lost, carried(document, name, after, kinds)), f"Edit {after['title']}")


def set_fields(document: Document, fields: Mapping[str, Any], label: str) -> Command:
    """Change parts of the flow itself."""
    return command(document, Change(fields={name: fields[name] for name in FIELDS if name in fields}), label)


def replace_all(document: Document, other: Document, label: str) -> Command:
    """Put another document in place of this one, as one step of undo."""
    after = Change(
        {**dict.fromkeys(document["nodes"]), **other["nodes"]},
        {**dict.fromkeys(document["edges"]), **other["edges"]},
        {name: other[name] for name in FIELDS if name in other},
    )
    return command(document, after, label)


def _known(document: Document, node: str) -> None:
    if node not in document["nodes"]:
        raise EditRefused("That step is gone: somebody deleted it.")


def _offers(document: Document, node: str, port: str | None, kinds: Kinds) -> None:
    _known(document, node)
    step = document["nodes"][node]
    if port not in kinds.port_names(step):
        raise EditRefused(f"“{step['title']}” no longer has that output. Choose another one.")


def _free(parts: Mapping[str, Any], name: str) -> None:
    if not _ID.fullmatch(name):
        raise EditRefused("An id has 1 to 64 letters, digits, - or _.")
    if name in parts:
        raise EditRefused("That id is taken already.")


def _room_for(document: Document, count: int) -> None:
    if len(document["nodes"]) + count > MAX_STEPS:
        raise EditRefused(f"A flow holds at most {MAX_STEPS} steps. Split it into several flows.")
