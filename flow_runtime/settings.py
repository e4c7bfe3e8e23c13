"""Walking a node's settings by their JSON Schema: which texts hold `{{ }}`, which variables are set and read, what is left at its default.

A schema marks what the runtime must know: `"x-widget": "variable"` names a variable the node sets, `"x-reads": true` a path it reads,
`"x-template": false` a text that never holds `{{ }}`, `"x-customer": true` a text that the customer reads, and `"format": "regex"` a
pattern for RE2.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flow_runtime.expressions import is_template

Place = tuple[str, Mapping[str, Any], Any]
_ANYTHING: Mapping[str, Any] = {}


def walk(schema: Mapping[str, Any], value: Any, path: str = "") -> list[Place]:
    """Every value in the settings with its dotted path and its part of the schema."""
    found: list[Place] = []
    _walk(schema, value, path, found)
    return found


def _walk(schema: Mapping[str, Any], value: Any, path: str, found: list[Place]) -> None:
    found.append((path, schema, value))
    if isinstance(value, dict):
        properties = schema.get("properties", _ANYTHING)
        others = schema.get("additionalProperties")
        for name, item in value.items():
            below = properties.get(name, others)
            _walk(below if isinstance(below, dict) else _ANYTHING, item, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        items = schema.get("items")
        for index, item in enumerate(value):
            _walk(items if isinstance(items, dict) else _ANYTHING, item, f"{path}.{index}" if path else str(index), found)


def complete(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the schema's defaults for what is left out."""
    defaults = {name: part["default"] for name, part in schema.get("properties", {}).items() if "default" in part}
    return {**defaults, **settings}


def templates(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts with `{{ }}` in them, with their paths."""
    for path, part, value in walk(schema, settings):
        if isinstance(value, str) and part.get("x-template", True) and is_template(value):
            yield path, value


def variables_set(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The variables the node sets, with the paths of the fields that name them."""
    for path, part, value in walk(schema, settings):
        if part.get("x-widget") == "variable" and isinstance(value, str) and value:
            yield path, value


def paths_read(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The dotted paths that conditions read, with the paths of their fields."""
    for path, part, value in walk(schema, settings):
        if part.get("x-reads") and isinstance(value, str) and value:
            yield path, value


def customer_texts(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts that the customer reads, with the paths of their fields. Each of them may have a translation."""
    unused = hidden_fields(schema, settings)
    for path, part, value in walk(schema, settings):
        if part.get("x-customer") and isinstance(value, str) and value.strip() and path.partition(".")[0] not in unused:
            yield path, value


def hidden_fields(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> frozenset[str]:
    """The fields that the form does not show with these settings (`x-show-if`): what stands in them has no effect."""
    found = []
    whole = complete(schema, settings)
    for name, part in schema.get("properties", _ANYTHING).items():
        when = part.get("x-show-if")
        if when is not None:
            value, wanted = whole.get(when["field"]), when["is"]
            if not (value in wanted if isinstance(wanted, list) else value == wanted):
                found.append(name)
    return frozenset(found)
