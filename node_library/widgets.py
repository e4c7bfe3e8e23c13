"""The controls a settings form knows, and the shape of the value each of them edits.

A field of node.json that names one of these in `x-widget` gets the shape filled in; what node.json says itself comes first.
"""

from collections.abc import Mapping
from typing import Any

from flow_runtime.conditions import NEEDS_NO_VALUE, OPERATORS

Schema = dict[str, Any]

VARIABLE: Schema = {"type": "string", "pattern": "^([A-Za-z][A-Za-z0-9_]{0,63})?$", "maxLength": 64}
_VARIABLE_FIELD: Schema = {**VARIABLE, "title": "Variable", "minLength": 1, "x-widget": "variable"}
_PATH: Schema = {"type": "string", "title": "Value", "minLength": 1, "maxLength": 200, "x-reads": True, "x-template": False}
_NAME: Schema = {"type": "string", "title": "Name", "maxLength": 60, "x-template": False}

CONDITIONS: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["rows"],
    "properties": {
        "match": {"enum": ["all", "any"], "title": "Match"},
        "rows": {
            "type": "array",
            "title": "Conditions",
            "maxItems": 50,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["variable", "operator"],
                "properties": {
                    "variable": _PATH,
                    "operator": {"enum": [*OPERATORS, *sorted(NEEDS_NO_VALUE)], "title": "Operator"},
                    "value": {
                        "type": ["string", "number", "boolean", "array"],
                        "title": "Compared with",
                        "maxLength": 1000,
                        "items": {"type": ["string", "number"], "maxLength": 200},
                        "maxItems": 200,
                    },
                },
            },
        },
    },
}

BUTTONS: Schema = {
    "type": "array",
    "maxItems": 10,
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["label"],
        "properties": {
            "label": {"type": "string", "title": "Label", "minLength": 1, "maxLength": 200, "x-customer": True},
            "value": {"type": "string", "title": "Answer", "maxLength": 200, "x-template": False},
            "url": {"type": "string", "title": "Address", "minLength": 1, "maxLength": 2000},
        },
    },
}

SHAPES: Mapping[str, Schema] = {
    "text": {"type": "string", "maxLength": 1000},
    "multiline": {"type": "string", "maxLength": 16000},
    "rich": {"type": "string", "maxLength": 4000},
    "code": {"type": "string", "maxLength": 16000},
    "variable": VARIABLE,
    "number": {"type": "number"},
    "switch": {"type": "boolean"},
    "select": {},
    "duration": {"type": "integer", "minimum": 0},
    "list": {"type": "array", "maxItems": 200, "items": {"type": "string", "maxLength": 4000}},
    "intents": {
        "type": "array",
        "maxItems": 200,
        "uniqueItems": True,
        "items": {"type": "string", "minLength": 1, "maxLength": 100, "x-template": False},
    },
    "key_value": {
        "type": "object",
        "maxProperties": 100,
        "propertyNames": {"minLength": 1, "maxLength": 200},
        "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 16000},
    },
    "conditions": CONDITIONS,
    "choices": {
        "type": "array",
        "maxItems": 50,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["label"],
            "properties": {
                "value": {**_NAME, "title": "Value"},
                "label": {"type": "string", "title": "Label", "minLength": 1, "maxLength": 200, "x-customer": True},
            },
        },
    },
    "buttons": BUTTONS,
    "cards": {
        "type": "array",
        "maxItems": 10,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title"],
            "properties": {
                "title": {"type": "string", "title": "Title", "minLength": 1, "maxLength": 200, "x-customer": True},
                "text": {"type": "string", "title": "Text", "maxLength": 1000, "x-customer": True},
                "image_url": {"type": "string", "title": "Address of the picture", "maxLength": 2000},
                "alt": {"type": "string", "title": "What the picture shows", "maxLength": 500, "x-customer": True},
                "buttons": {**BUTTONS, "title": "Buttons", "maxItems": 3},
            },
        },
    },
    "branches": {
        "type": "array",
        "maxItems": 50,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["title", "when"],
            "properties": {
                "name": _NAME,
                "title": {"type": "string", "title": "Title", "minLength": 1, "maxLength": 100, "x-template": False},
                "when": CONDITIONS,
            },
        },
    },
    "assignments": {
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["variable"],
            "properties": {
                "variable": _VARIABLE_FIELD,
                "value": {"type": ["string", "number", "boolean", "array", "object", "null"], "title": "Value", "maxLength": 16000},
            },
        },
    },
    "rows": {"type": "array", "maxItems": 100},
    "pick": {
        "type": "array",
        "maxItems": 100,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["variable", "path"],
            "properties": {
                "variable": _VARIABLE_FIELD,
                "path": {"type": "string", "title": "Field of the answer", "minLength": 1, "maxLength": 200, "x-template": False},
            },
        },
    },
}
"""Every widget, with the shape of its value. `rows` is a table: node.json gives its `items`, an object whose properties are the columns,
each with a title and one of the widgets in CELLS."""

CELLS = ("text", "variable", "number", "select")
"""What a column of `rows` may be."""


def with_shapes(schema: Mapping[str, Any]) -> Schema:
    """The settings schema of a node.json with the widgets' shapes filled in. Settings it does not name are refused."""
    properties = {name: _shaped(part) for name, part in schema.get("properties", {}).items()}
    return {"type": "object", "additionalProperties": False, **schema, "properties": properties}


def _shaped(part: Mapping[str, Any]) -> Schema:
    shaped: Schema = {**SHAPES.get(part.get("x-widget", ""), {}), **part}
    if part.get("x-widget") == "rows" and "properties" in shaped.get("items", {}):
        columns = {name: _shaped(column) for name, column in shaped["items"]["properties"].items()}
        shaped["items"] = {"type": "object", "additionalProperties": False, **shaped["items"], "properties": columns}
    return shaped
