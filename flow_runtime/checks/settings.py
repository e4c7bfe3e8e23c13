"""Do the settings of each node fit its schema."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from flow_runtime.caching import remembered
from flow_runtime.checks.drawing import DrawnNode
from flow_runtime.checks.quick import Fits, compiled
from flow_runtime.checks.wording import lacks_value, sentence
from flow_runtime.nodes import NodeType
from flow_runtime.problems import Problem


def check_settings(node: DrawnNode) -> Iterator[Problem]:
    """Everything needed is filled in, and everything filled in is of the right kind. Settings of an older version are not judged."""
    if node.kind is None or node.raw.get("type_version", 1) < node.kind.version:
        return
    quick = _quick(node.kind)
    if quick is not None and quick(node.settings):
        return
    for code, field, message, fix in _faults(json.dumps(node.settings, sort_keys=True), node.kind):
        yield Problem(code, "error", node.id, field or None, message, fix)


@remembered(8192)
def _faults(settings: str, kind: NodeType) -> tuple[tuple[str, str, str, str], ...]:
    """Code, field, message and fix of each fault. Kept: an edit changes one node, and the others are checked again with it."""
    errors = sorted(
        _validator(kind).iter_errors(json.loads(settings)), key=lambda error: ([str(step) for step in error.absolute_path], error.message)
    )
    faults = dict.fromkeys(_fault(kind.schema, error) for error in errors)
    return tuple(faults)


@lru_cache(maxsize=512)
def _quick(kind: NodeType) -> Fits | None:
    return compiled(kind.schema)


@lru_cache(maxsize=512)
def _validator(kind: NodeType) -> Draft202012Validator:
    return Draft202012Validator(kind.schema)


def _fault(schema: Mapping[str, Any], error: ValidationError) -> tuple[str, str, str, str]:
    path = [str(step) for step in error.absolute_path]
    if error.validator == "required":
        path.append(_missing(error))
    field = ".".join(path)
    title = _title(schema, path)
    if lacks_value(error):
        return "missing_setting", field, f'"{title}" is empty.', f'Fill in "{title}".'
    help = _part(schema, path).get("x-help")
    return "invalid_setting", field, sentence(error, title), help if isinstance(help, str) else f'Change "{title}".'


def _missing(error: ValidationError) -> str:
    """The property that this error is about; jsonschema gives one error for each, all with the same list of names."""
    return next((str(name) for name in error.validator_value if error.message.startswith(f"{name!r} ")), "")


def _part(schema: Mapping[str, Any], path: list[str]) -> Mapping[str, Any]:
    """The part of the schema that describes the field, as far as it is written out."""
    part: Any = schema
    for step in path:
        below = (
            part.get("items")
            if step.isdecimal() and "items" in part
            else part.get("properties", {}).get(step, part.get("additionalProperties"))
        )
        part = below if isinstance(below, dict) else {}
    return part if isinstance(part, dict) else {}


def _title(schema: Mapping[str, Any], path: list[str]) -> str:
    for length in range(len(path), 0, -1):
        title = _part(schema, path[:length]).get("title")
        if title:
            return str(title)
    return path[0] if path else "Settings"
