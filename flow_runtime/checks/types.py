"""Do values go together: what is compared, calculated, filtered, printed and kept."""

from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args

from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.inference import Types, comparable, fits, infer, titled
from flow_runtime.problems import Problem
from flow_runtime.signatures import Type

BUILT_IN: Mapping[str, Type] = {
    "message": "object",
    "message.text": "text",
    "message.language": "text",
    "message.value": "text",
    "message.attachments": "list",
    "message.location": "object",
    "contact": "object",
    "contact.name": "text",
    "contact.language": "text",
    "contact.time_zone": "text",
    "contact.attributes": "object",
    "conversation": "object",
    "conversation.id": "text",
    "conversation.channel": "text",
    "conversation.callback_url": "text",
    "error": "object",
    "error.kind": "text",
    "error.message": "text",
    "now": "datetime",
}
"""The types of the names that every flow has."""

_ORDERED = frozenset(("greater", "greater_or_equal", "less", "less_or_equal"))
_WORDY = frozenset(("starts_with", "ends_with", "matches"))
_KNOWN_TYPES = frozenset(get_args(Type))


def types_of(document: Mapping[str, Any]) -> Types:
    """The types of the flow's variables and of the built-in names."""
    declared = {name: cast(Type, about.get("type", "text")) for name, about in document.get("variables", {}).items()}
    return tuple({**declared, **BUILT_IN}.items())


def check_types(node: DrawnNode, types: Types) -> Iterator[Problem]:
    """Mismatches inside the node's texts, in its conditions, and between a value and the variable or field that gets it."""
    known = dict(types)
    for field, text in node.texts:
        found = infer(text, types)
        for mismatch in found.mismatches:
            severity = "error" if mismatch.certain else "warning"
            fix = "Change the value, or turn it into the other kind with a filter."
            yield Problem("type_mismatch", severity, node.id, field, f"{mismatch.message}.", fix, mismatch.position)  # type: ignore[arg-type]
    texts = dict(node.texts)
    for path, part, value in node.places:
        if isinstance(value, dict):
            if isinstance(value.get("operator"), str) and isinstance(value.get("variable"), str):
                yield from _row(node, path, value, known, types)
            elif isinstance(value.get("variable"), str) and "value" in value and "operator" not in value:
                yield from _kept(node, f"{path}.value", value["value"], known.get(value["variable"], "any"), value["variable"], types)
        wanted = cast(Type, part.get("x-expects"))
        if wanted in _KNOWN_TYPES and path in texts:
            given = infer(texts[path], types).type
            if not fits(given, wanted):
                message = f"{titled(wanted)} is expected here, and this is {titled(given).lower()}."
                yield _mismatch(node, path, message, "Choose another value.")
        elif part.get("x-customer") and path in texts and infer(texts[path], types).type in ("object", "file"):
            message = "The customer would read the object as data, with its braces."
            yield Problem("type_mismatch", "warning", node.id, path, message, "Choose a part of it, such as {{ order.status }}.")


def _mismatch(node: DrawnNode, field: str, message: str, fix: str) -> Problem:
    return Problem("type_mismatch", "error", node.id, field, message, fix)


def _row(node: DrawnNode, path: str, row: Mapping[str, Any], known: Mapping[str, Type], types: Types) -> Iterator[Problem]:
    """A row of the condition builder that can never be true, or always is."""
    left = known.get(row["variable"], "any")
    right = _type_of(row.get("value"), types)
    operator = row["operator"]
    if operator in _ORDERED and not comparable(left, _as_number(right, row.get("value"))):
        message = f"{titled(left)} is compared with {titled(right).lower()}, so this is never true."
        yield _mismatch(node, f"{path}.value", message, "Compare it with a value of its own kind.")
    elif operator in _WORDY and left in ("list", "object", "file"):
        message = f"{titled(left)} has no beginning or end to compare, so this is never true."
        yield _mismatch(node, f"{path}.operator", message, 'Use "contains", or choose a part of it.')


def _as_number(type: Type, value: Any) -> Type:
    """Conditions read numbers and dates that are written as texts."""
    return "any" if type == "text" and isinstance(value, str) and value[:1].isdecimal() else type


def _type_of(value: Any, types: Types) -> Type:
    if isinstance(value, str):
        return infer(value, types).type
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "list" if isinstance(value, list) else "object" if isinstance(value, dict) else "nothing"


def _kept(node: DrawnNode, field: str, value: Any, wanted: Type, name: str, types: Types) -> Iterator[Problem]:
    given = _type_of(value, types)
    if not fits(given, wanted):
        message = f'"{name}" is {titled(wanted).lower()}, and this is {titled(given).lower()}: it cannot be kept there.'
        yield _mismatch(node, field, message, "Change the value, or the type of the variable.")


def check_flow_types(drawing: Drawing, types: Types) -> Iterator[Problem]:
    """Mismatches in the fallback and the translations."""
    places = [("settings.fallback_text", drawing.document.get("settings", {}).get("fallback_text", ""))]
    for language, texts in sorted(drawing.document.get("languages", {}).get("texts", {}).items()):
        places += [(f"languages.texts.{language}", text) for text in texts.values()]
    for field, text in places:
        for mismatch in infer(text, types).mismatches if "{" in text else ():
            severity = "error" if mismatch.certain else "warning"
            fix = "Change the value, or turn it into the other kind with a filter."
            yield Problem("type_mismatch", severity, None, field, f"{mismatch.message}.", fix, mismatch.position)  # type: ignore[arg-type]
