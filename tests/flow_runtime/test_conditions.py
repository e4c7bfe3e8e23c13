"""Rows of the condition builder, and patterns."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import NodeFailure
from flow_runtime.conditions import NEEDS_NO_VALUE, OPERATORS, compiled_pattern, holds, matches
from flow_runtime.paths import MISSING, find

ROWS = [json.loads(line) for line in (Path(__file__).parent.parent / "data" / "patterns.jsonl").read_text().splitlines()]
TEXTS = {"'a'*28+'!'": "a" * 28 + "!", "'1'*28": "1" * 28, "'a'*32+'!'": "a" * 32 + "!", "'abc'": "abc", "'a'": "a"}


def _holds(left: Any, operator: str, right: Any = "") -> bool:
    return holds({"rows": [{"variable": "x", "operator": operator, "value": right}]}, {"x": left}, lambda text: text)


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("Gold", "is", "gold", True),
        (" gold ", "is", "gold", True),
        (5, "is", "5.0", True),
        ("1,5", "is", "1.5", True),
        (True, "is", "true", True),
        (None, "is", "", True),
        ("a", "is_not", "b", True),
        (5, "is_not", "5", False),
        ("Hello World", "contains", "world", True),
        (["Red", "Blue"], "contains", "red", True),
        (["Red"], "contains", "re", False),
        (None, "contains", "", False),
        ("Hello", "not_contains", "x", True),
        ("Hello", "starts_with", "he", True),
        ("Hello", "ends_with", "LO", True),
        (None, "starts_with", "", False),
        ("AB123", "matches", "^[A-Z]{2}[0-9]+$", True),
        (None, "matches", ".*", False),
        ("", "is_empty", "", True),
        (None, "is_empty", "", True),
        ([], "is_empty", "", True),
        (0, "is_empty", "", False),
        (False, "is_empty", "", False),
        ("x", "is_not_empty", "", True),
        ("10", "greater", "9", True),
        ("10", "greater", "x", False),
        ("b", "greater", "a", True),
        ("2026-03-01", "less", "2026-03-02", True),
        (None, "less", "5", False),
        (None, "greater_or_equal", "0", False),
        (5, "greater_or_equal", "5", True),
        (5, "less_or_equal", 4, False),
        ("berlin", "is_one_of", "Paris, Berlin", True),
        (3, "is_one_of", [1, 2, 3], True),
        (None, "is_one_of", "a,b", False),
        ("9" * 50, "greater", "1", True),
        ("nan", "greater", "1", True),
        ("inf", "is", "inf", True),
    ],
)
def test_operators(left: Any, operator: str, right: Any, expected: bool) -> None:
    assert _holds(left, operator, right) is expected


def test_every_operator_takes_every_kind_of_value() -> None:
    values = [None, "", "a", "5", 5, 5.5, True, [], ["a", 1, None], {}, {"a": 1}, "x" * 1000]
    for operator in [*OPERATORS, *NEEDS_NO_VALUE]:
        for left in values:
            for right in values:
                if operator == "matches" and not isinstance(right, str):
                    continue
                assert isinstance(_holds(left, operator, right), bool)


def test_all_rows_or_any_row() -> None:
    rows = [{"variable": "a", "operator": "is", "value": "1"}, {"variable": "b.c.0", "operator": "is", "value": "2"}]
    scope = {"a": 1, "b": {"c": [3]}}
    assert not holds({"match": "all", "rows": rows}, scope, str)
    assert holds({"match": "any", "rows": rows}, scope, str)
    assert holds({"rows": []}, scope, str)
    assert holds({"match": "any", "rows": []}, scope, str)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_patterns(row: dict[str, Any]) -> None:
    pattern = row["input"].get("pattern") or "a" * 2_000_000
    began = time.process_time()
    if row["class"] == "ReDoS":
        matches(TEXTS[row["input"]["py_text"]], pattern)
        assert time.process_time() - began < 0.1
        return
    with pytest.raises(NodeFailure) as caught:
        compiled_pattern(pattern)
    assert caught.value.kind == "pattern"
    assert caught.value.message.startswith(("The pattern cannot be used: ", "A pattern has at most 1000 characters"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("$.a.b", 1),
        ("list.1.x", 2),
        ("list[1].x", 2),
        ("$.list[1]['x']", MISSING),
        ("", {"a": {"b": 1}, "list": [0, {"x": 2}]}),
        ("$", {"a": {"b": 1}, "list": [0, {"x": 2}]}),
        ("a.c", MISSING),
        ("a.b.c", MISSING),
        ("list.9", MISSING),
        ("list.-1", MISSING),
        ("list.99999999999999999999", MISSING),
        ("list.x", MISSING),
        ("a.__class__", MISSING),
    ],
)
def test_paths(path: str, value: Any) -> None:
    assert find({"a": {"b": 1}, "list": [0, {"x": 2}]}, path) == value
