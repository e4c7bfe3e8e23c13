"""Does every name that is read stand for something."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.errors import NodeFailure
from flow_runtime.expressions import ANY_ITEM, is_template, reading
from flow_runtime.filters import FUNCTIONS
from flow_runtime.flow import BUILT_IN_NAMES, LOOP_NAMES
from flow_runtime.paths import NAME
from flow_runtime.problems import Problem
from flow_runtime.values import coerced

_FIELDS = {
    "message": frozenset(("text", "language", "value", "attachments", "location")),
    "contact": frozenset(("name", "language", "time_zone", "attributes")),
    "conversation": frozenset(("id", "channel", "callback_url")),
    "error": frozenset(("kind", "message")),
}
_RESERVED = BUILT_IN_NAMES | FUNCTIONS.keys() | {"loop", "result", "true", "false", "none", "not", "and", "or", "in", "is", "if", "else"}


def check_names(drawing: Drawing) -> Iterator[Problem]:
    """What is read is built in, declared, or set by some node."""
    declared = drawing.document.get("variables", {})
    known = (
        set(declared)
        | {name for _, _, name in _set_by_nodes(drawing)}
        | {name for _, name in set_by_triggers(drawing)}
        | BUILT_IN_NAMES
        | LOOP_NAMES
    )
    for node_id, field, path in _reads(drawing):
        name = path[0]
        if name not in known:
            message = f'Nothing sets "{name}", so it is always empty.'
            yield Problem(
                "unknown_variable", "error", node_id, field, message, f'Choose another variable, or let an earlier node save "{name}".'
            )
        elif len(path) > 1 and name in _FIELDS and path[1] not in (ANY_ITEM, *_FIELDS[name]):
            message = f'"{name}" has no "{path[1]}".'
            yield Problem("unknown_variable", "error", node_id, field, message, f"It has: {', '.join(sorted(_FIELDS[name]))}.")


def check_declarations(drawing: Drawing) -> Iterator[Problem]:
    """Declared variables have a usable name and a default of their type; so do those that nodes set."""
    declared = drawing.document.get("variables", {})
    for name in sorted(declared):
        field = f"variables.{name}"
        if name in _RESERVED:
            yield Problem(
                "reserved_variable",
                "error",
                None,
                field,
                f'"{name}" is a word of the expression language.',
                "Give the variable another name.",
            )
        kind = declared[name].get("type", "text")
        try:
            coerced(name, declared[name].get("default"), kind)
        except NodeFailure:
            yield Problem(
                "wrong_default",
                "error",
                None,
                field,
                f'The default of "{name}" is not of the type {kind}.',
                "Change the default or the type.",
            )
    for node_id, field, name in _set_by_nodes(drawing):
        if name in _RESERVED or not NAME.fullmatch(name):
            message = f'A variable cannot be called "{name}".'
            yield Problem(
                "reserved_variable",
                "error",
                node_id,
                field,
                message,
                "Use letters, digits and _, and not a word that has a meaning already.",
            )


def _set_by_nodes(drawing: Drawing) -> Iterator[tuple[str, str, str]]:
    for node in drawing.nodes.values():
        for field, name in node.sets:
            yield node.id, field, name


def _reads(drawing: Drawing) -> Iterator[tuple[str | None, str, tuple[str, ...]]]:
    """Every dotted path that is read, with the node and the field it stands in."""
    yield from _flow_reads(drawing)
    for node in drawing.nodes.values():
        for field, path in node_reads(node):
            yield node.id, field, path


def _flow_reads(drawing: Drawing) -> Iterator[tuple[None, str, tuple[str, ...]]]:
    for path in sorted(reading(drawing.document.get("settings", {}).get("fallback_text", "")).paths):
        yield None, "settings.fallback_text", path
    for language, texts in sorted(drawing.document.get("languages", {}).get("texts", {}).items()):
        for text in texts.values():
            if is_template(text):
                for path in sorted(reading(text).paths):
                    yield None, f"languages.texts.{language}", path


def node_reads(node: DrawnNode) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The fields of a node that read something, with the paths."""
    for field, text in node.texts:
        for path in sorted(reading(text).paths):
            yield field, path
    for field, dotted in node.reads:
        yield field, tuple(dotted.split("."))


def set_by_triggers(drawing: Drawing) -> Iterator[tuple[int, str]]:
    """The variables that get what an event brought, with the place of the trigger."""
    for index, trigger in enumerate(drawing.document["triggers"]):
        if trigger.get("save_as"):
            yield index, trigger["save_as"]


def check_unused(drawing: Drawing) -> Iterator[Problem]:
    """A declared variable that nothing reads, and an answer that a node keeps though it need not."""
    declared = drawing.document.get("variables", {})
    interface = drawing.document.get("interface", {})
    read = {path[0] for _, _, path in _reads(drawing)} | {entry["name"] for entry in interface.get("outputs", ())}
    for name in sorted(declared.keys() - read):
        if declared[name].get("scope", "flow") not in ("contact", "bot"):
            message = f'Nothing reads the variable "{name}".'
            yield Problem(
                "unused_variable", "warning", None, f"variables.{name}", message, "Use it in a text or a condition, or delete it."
            )
    for node in drawing.nodes.values():
        required = node.kind.schema.get("required", ()) if node.kind is not None else ()
        for field, name in node.sets:
            if name not in read and name not in declared and "." not in field and field not in required and field in node.raw["settings"]:
                message = f'"{node.title}" remembers "{name}", but nothing reads it.'
                yield Problem(
                    "unused_variable", "warning", node.id, field, message, "Use it in a text or a condition, or leave this field empty."
                )
