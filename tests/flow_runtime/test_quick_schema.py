"""The quick test of a JSON Schema says the same as the library."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flow_runtime.checks.quick import compiled
from node_library import load_library

LIBRARY = load_library()
FLOW = json.loads((Path(__file__).parent.parent.parent / "flow_runtime" / "flow.schema.json").read_text())
SCHEMAS: list[dict[str, Any]] = [
    {"$ref": "#/$defs/trigger", "$defs": FLOW["$defs"]},
    {"$ref": "#/$defs/node", "$defs": FLOW["$defs"]},
    {"$ref": "#/$defs/edge", "$defs": FLOW["$defs"]},
    {"$ref": "#/$defs/variable", "$defs": FLOW["$defs"]},
    *(dict(kind.schema) for kind in LIBRARY.values()),
    {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 2}], "not": {"const": "no"}},
    {"type": ["integer", "boolean"], "minimum": 1, "exclusiveMaximum": 5},
    {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"maxLength": 3},
        "additionalProperties": False,
        "properties": {"a": {"const": 1}},
    },
]
WORDS = [*("type", "settings", "id", "node", "words", "match", "exact", "cron", "text", "branches", "rows", "choices", "label", "url")]
TEXTS = st.sampled_from([*WORDS, "", " ", "a b", "no", "keyword", "event", "0 8 * * *", "https://a.example", "send_message", "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3000) | st.sampled_from([1.0, 0.5, -0.5]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("number", range(len(SCHEMAS)))
def test_every_schema_of_ours_has_a_quick_test(number: int) -> None:
    assert compiled(SCHEMAS[number]) is not None


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(range(len(SCHEMAS))), VALUES, st.data())
def test_it_says_what_the_library_says(number: int, value: Any, data: st.DataObject) -> None:
    schema = SCHEMAS[number]
    test = compiled(schema)
    assert test is not None
    names = list(
        schema.get("properties", {}) or schema.get("$defs", {}).get(schema.get("$ref", "").rpartition("/")[2], {}).get("properties", {})
    )
    if names and isinstance(value, dict):
        value = {**value, data.draw(st.sampled_from(names)): data.draw(VALUES)}
    library = Draft202012Validator(schema).is_valid(value)
    assert test(value) == library or (library and not test(value) and "uniqueItems" in json.dumps(schema))


@pytest.mark.parametrize(
    "schema", [{"patternProperties": {}, "properties": {}}, {"contains": True}, {"$ref": "https://a.example"}, {"enum": [1]}]
)
def test_what_is_not_known_is_left_to_the_library(schema: dict[str, Any]) -> None:
    assert compiled(schema) is None
