"""The variables of a flow: declared, renamed wherever they are set and read, taken away. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from flow_runtime.expressions import is_template, reading
from flow_runtime.flow import BUILT_IN_NAMES
from flow_runtime.renaming import renamed_in_path, renamed_in_text
from flow_runtime.settings import walk
from server.flows.document import Change, Command, Document, command, path_of
from server.flows.refusal import EditRefused

MAX_VARIABLES = 500
TYPES = ("text", "number", "boolean", "date", "datetime", "list", "object", "file")
SCOPES = ("turn", "flow", "conversation", "contact", "bot")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class SetVariable(msgspec.Struct, tag_field="op", tag="set_variable", forbid_unknown_fields=True):
    """Declare a variable, or say something else of it."""

    name: str
    type: Literal["text", "number", "boolean", "date", "datetime", "list", "object", "file"] = "text"
    scope: Literal["turn", "flow", "conversation", "contact", "bot"] = "flow"
    default: Any = None
    personal: bool = False
    description: str = ""


class DeleteVariable(msgspec.Struct, tag_field="op", tag="delete_variable", forbid_unknown_fields=True):
    """Take the declaration of a variable away; steps that use the name keep it."""

    name: str


class RenameVariable(msgspec.Struct, tag_field="op", tag="rename_variable", forbid_unknown_fields=True):
    """Give a variable another name, wherever it stands."""

    name: str
    to: str


class Schemas(Protocol):
    """What must be known of the node library here."""

    def schema(self, kind: str) -> Mapping[str, Any]:
        """The JSON Schema of a node type's settings; empty for a type that is not installed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable stands: a field of a step, or of the flow itself when `node` is None."""

    node: str | None
    field: str
    title: str


@dataclass(slots=True)
class Uses:
    """Where a variable is set and where it is read."""

    set: list[Place] = field(default_factory=list)
    read: list[Place] = field(default_factory=list)


def set_variable(document: Document, operation: SetVariable) -> Command:
    """The command that declares a variable."""
    known = document.get("variables", {})
    checked_name(operation.name)
    if operation.name not in known and len(known) >= MAX_VARIABLES:
        raise EditRefused(f"A flow declares at most {MAX_VARIABLES} variables.", "name")
    about = {
        "type": operation.type,
        "scope": operation.scope,
        "default": operation.default,
        "personal": operation.personal,
        "description": operation.description,
    }
    verb = "Change" if operation.name in known else "Add"
    return command(document, Change(fields={path_of("variables", operation.name): about}), f"{verb} variable {operation.name}")


def checked_name(name: str) -> str:
    """The name, when it can be one of a variable."""
    if not _NAME.fullmatch(name):
        raise EditRefused("A name begins with a letter and has only letters, digits and _, 64 at most.", "name")
    if name in BUILT_IN_NAMES:
        raise EditRefused(f"“{name}” is a name Chatloom uses itself. Choose another one.", "name")
    return name


def delete_variable(document: Document, operation: DeleteVariable) -> Command:
    """The command that takes a declaration away, from the flow's inputs and outputs as well."""
    fields: dict[str, Any] = {path_of("variables", operation.name): None}
    interface = document.get("interface", {})
    left = {side: [one for one in interface[side] if one["name"] != operation.name] for side in interface}
    if left != interface:
        fields["interface"] = left
    return command(document, Change(fields=fields), f"Delete variable {operation.name}")


def rename_variable(document: Document, operation: RenameVariable, kinds: Schemas) -> Command:
    """The command that renames a variable in its declaration, in settings, texts, translations, triggers, inputs and outputs."""
    old, new = operation.name, checked_name(operation.to)
    variables = document.get("variables", {})
    if old == new:
        return command(document, Change(), "Rename variable")
    if new in variables or new in uses(document, kinds):
        raise EditRefused(f"There is a variable called “{new}” already. Choose another name.", "name")
    nodes = {}
    for name, step in document["nodes"].items():
        settings = _renamed(kinds.schema(step["type"]), step["settings"], old, new)
        if settings != step["settings"]:
            nodes[name] = {**step, "settings": settings}
    fields: dict[str, Any] = {}
    if old in variables:
        fields = {path_of("variables", old): None, path_of("variables", new): variables[old]}
    fields |= _renamed_around(document, old, new)
    return command(document, Change(nodes, fields=fields), f"Rename {old} to {new}")


def _renamed(schema: Mapping[str, Any], value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        below = {name: properties.get(name, others) for name in value}
        return {name: _renamed(below[name] if isinstance(below[name], dict) else {}, item, old, new) for name, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items")
        return [_renamed(items if isinstance(items, dict) else {}, item, old, new) for item in value]
    if not isinstance(value, str):
        return value
    if schema.get("x-widget") == "variable":
        return new if value == old else value
    if schema.get("x-reads"):
        return renamed_in_path(value, old, new)
    return renamed_in_text(value, old, new) if schema.get("x-template", True) and is_template(value) else value


def _renamed_around(document: Document, old: str, new: str) -> dict[str, Any]:
    """The parts of the flow itself that name the variable, renamed."""
    triggers = [{**trigger, "save_as": new} if trigger.get("save_as") == old else trigger for trigger in document["triggers"]]
    interface = {
        side: [{**one, "name": new} if one["name"] == old else one for one in names]
        for side, names in document.get("interface", {}).items()
    }
    after = {"triggers": triggers, "interface": interface, "settings": _renamed({}, document.get("settings", {}), old, new)}
    languages = document.get("languages", {})
    if texts := languages.get("texts"):
        after["languages"] = {
            **languages,
            "texts": {
                language: {renamed_in_text(source, old, new): renamed_in_text(text, old, new) for source, text in pairs.items()}
                for language, pairs in texts.items()
            },
        }
    return {name: part for name, part in after.items() if part != document.get(name, {})}


def uses(document: Document, kinds: Schemas) -> dict[str, Uses]:
    """Every variable that is declared, set or read, by name; those that Chatloom itself brings are left out."""
    found: dict[str, Uses] = {name: Uses() for name in document.get("variables", {})}
    for name, step in document["nodes"].items():
        for path, verb, variable in _in_settings(kinds.schema(step["type"]), step["settings"]):
            place = Place(name, path.split(".")[0], step["title"])
            _note(found, variable, verb, place)
    for trigger in document["triggers"]:
        if trigger.get("save_as"):
            _note(found, trigger["save_as"], "set", Place(None, "triggers", f"Event {trigger.get('name', '')}"))
    for side, verb, title in (("inputs", "set", "Input of the flow"), ("outputs", "read", "Output of the flow")):
        for one in document.get("interface", {}).get(side, ()):
            _note(found, one["name"], verb, Place(None, "interface", title))
    for variable in _names_in(document.get("settings", {}).get("fallback_text", "")):
        _note(found, variable, "read", Place(None, "settings", "What is said when something goes wrong"))
    return found


def _in_settings(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for path, part, value in walk(schema, settings):
        if not isinstance(value, str) or not value:
            continue
        if part.get("x-widget") == "variable":
            yield path, "set", value
        elif part.get("x-reads"):
            yield path, "read", value.partition(".")[0].strip()
        elif part.get("x-template", True):
            for name in _names_in(value):
                yield path, "read", name


def _names_in(text: str) -> frozenset[str]:
    return reading(text).names if is_template(text) else frozenset()


def _note(found: dict[str, Uses], variable: str, verb: str, place: Place) -> None:
    if not _NAME.fullmatch(variable) or variable in BUILT_IN_NAMES:
        return
    places = getattr(found.setdefault(variable, Uses()), verb)
    if place not in places:
        places.append(place)
