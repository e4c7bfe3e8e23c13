"""How values look in a text, and how they are compared, whatever they are."""

import json
from collections.abc import Iterator
from typing import Any

from jinja2 import ChainableUndefined

from flow_runtime.budget import take, weigh
from flow_runtime.errors import ExpressionError, NodeFailure


class Missing(ChainableUndefined):
    """A value nobody set: empty as text, false as a condition, never greater or smaller than anything."""

    def __lt__(self, *_: Any, **__: Any) -> bool:  # type: ignore[override]
        return False

    __le__ = __gt__ = __ge__ = __lt__  # type: ignore[assignment]


def as_text(value: Any) -> str:
    """The value as a customer reads it."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    if value is None or isinstance(value, ChainableUndefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple, range)):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    return ""


def finished(value: Any) -> str:
    """What `{{ value }}` prints. The whole value is paid for first: a small list may hold itself many times."""
    if isinstance(value, str):
        return value
    take(1 + weigh(value))
    return as_text(value)


def items_of(value: Any) -> Iterator[Any]:
    """The items of a list, the keys of an object, the characters of a text; each costs."""
    if value is None or isinstance(value, ChainableUndefined):
        return
    if not isinstance(value, (str, list, tuple, dict, range, Iterator)):
        raise ExpressionError(f"{described(value)} has no items")
    for item in value:
        take(3)
        yield item


def described(value: Any) -> str:
    """What sort of value this is, in a builder's words."""
    if isinstance(value, bool):
        return "A yes/no value"
    if isinstance(value, (int, float)):
        return "A number"
    if isinstance(value, str):
        return "A text"
    if isinstance(value, (list, tuple, range)):
        return "A list"
    if isinstance(value, dict):
        return "An object"
    return "An empty value"


def compare(left: Any, *rest: Any) -> bool:
    """`a < b < c` as (a, "lt", b, "lt", c). A missing or empty value is neither greater nor smaller than anything."""
    for operator, right in zip(rest[::2], rest[1::2], strict=True):
        take(1 + weigh(left, right))
        if not _compare(operator, _bare(left), _bare(right)):
            return False
        left = right
    return True


def _bare(value: Any) -> Any:
    return None if isinstance(value, ChainableUndefined) else value


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("eq", "ne"):
        return bool(left == right) == (operator == "eq")
    if operator in ("in", "notin"):
        return contains(right, left) == (operator == "in")
    if left is None or right is None:
        return False
    if isinstance(left, str) != isinstance(right, str):
        raise ExpressionError(f"{described(left)} cannot be compared with {described(right).lower()}")
    return bool({"lt": left < right, "lteq": left <= right, "gt": left > right, "gteq": left >= right}[operator])


def contains(whole: Any, part: Any) -> bool:
    if whole is None or isinstance(whole, ChainableUndefined):
        return False
    if isinstance(whole, (list, tuple, dict, range)):
        return part in whole
    return as_text(part) in as_text(whole)


def as_header(name: str, value: Any) -> str:
    """The value of an HTTP header; raises NodeFailure when it holds a line break or another control character, which could add headers."""
    text = as_text(value).strip()
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise NodeFailure("header", f'The header "{name}" has a line break in it.')
    return text
