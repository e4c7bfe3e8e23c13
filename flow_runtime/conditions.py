"""Conditions as people build them in rows: value, operator, value; all or any of them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import re2

from flow_runtime.errors import NodeFailure
from flow_runtime.limits import PATTERN_CHARACTERS
from flow_runtime.paths import MISSING, find
from flow_runtime.printing import as_text

NEEDS_NO_VALUE = frozenset(("is_empty", "is_not_empty"))


def holds(conditions: Mapping[str, Any], scope: Mapping[str, Any], value_of: Callable[[str], Any]) -> bool:
    """Whether the rows are true. No rows at all are true. `value_of` computes the right side of a row."""
    rows = conditions.get("rows", ())
    decides = bool(rows) and conditions.get("match") == "any"
    for row in rows:
        if _row_holds(row, scope, value_of) is decides:
            return decides
    return not decides


def _row_holds(row: Mapping[str, Any], scope: Mapping[str, Any], value_of: Callable[[str], Any]) -> bool:
    left = find(scope, row["variable"])
    operator = row["operator"]
    if operator in NEEDS_NO_VALUE:
        empty = left is MISSING or left is None or left in ("", [], {})
        return bool(empty) is (operator == "is_empty")
    right = row.get("value", "")
    answer: bool = OPERATORS[operator](None if left is MISSING else left, value_of(right) if isinstance(right, str) else right)
    return answer


def _same(left: Any, right: Any) -> bool:
    left_number = as_number(left)
    right_number = None if left_number is None else as_number(right)
    if right_number is not None:
        return left_number == right_number
    return _folded(left) == _folded(right)


def _folded(value: Any) -> str:
    return (value if type(value) is str else as_text(value)).strip().casefold()


def as_number(value: Any) -> float | None:
    """The number a value stands for, or None: "12", 12 and "12.0" are the same to a builder."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or len(value) > 40 or value[:1].isalpha():
        return None
    try:
        number = float(value.strip().replace(",", ".")) if value.count(",") <= 1 else None
    except ValueError:
        return None
    return number if number is not None and number == number and abs(number) != float("inf") else None


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, list):
        return any(_same(item, right) for item in left)
    return left is not None and _folded(right) in _folded(left)


def _ordered(left: Any, right: Any, test: Callable[[Any, Any], bool]) -> bool:
    left_number, right_number = as_number(left), as_number(right)
    if left_number is not None and right_number is not None:
        return test(left_number, right_number)
    if isinstance(left, str) and isinstance(right, str) and left and right:
        return test(left, right)
    return False


def _one_of(left: Any, right: Any) -> bool:
    options = right if isinstance(right, list) else as_text(right).split(",")
    return left is not None and any(_same(left, option) for option in options)


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text, in time that grows with the text only (RE2)."""
    return compiled_pattern(pattern).search(text) is not None


@lru_cache(maxsize=512)
def compiled_pattern(pattern: str) -> Any:
    """The pattern for RE2; raises NodeFailure with RE2's own words."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise NodeFailure("pattern", f"A pattern has at most {PATTERN_CHARACTERS} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise NodeFailure("pattern", f"The pattern cannot be used: {reason}") from None
    unusable = next((name for name in compiled.groupindex if not name.isidentifier()), None)
    if unusable is not None:
        raise NodeFailure("pattern", f"The pattern cannot be used: invalid capture group name: {unusable}")
    return compiled


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "is": _same,
    "is_not": lambda left, right: not _same(left, right),
    "contains": _contains,
    "not_contains": lambda left, right: not _contains(left, right),
    "starts_with": lambda left, right: left is not None and _folded(left).startswith(_folded(right)),
    "ends_with": lambda left, right: left is not None and _folded(left).endswith(_folded(right)),
    "matches": lambda left, right: left is not None and matches(as_text(left), as_text(right)),
    "greater": lambda left, right: _ordered(left, right, lambda a, b: a > b),
    "greater_or_equal": lambda left, right: _ordered(left, right, lambda a, b: a >= b),
    "less": lambda left, right: _ordered(left, right, lambda a, b: a < b),
    "less_or_equal": lambda left, right: _ordered(left, right, lambda a, b: a <= b),
    "is_one_of": _one_of,
}
"""The operators that take a value on the right."""
