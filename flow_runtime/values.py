"""Values of variables: turned into what the variable is declared to be, plain, and not too large."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from math import isfinite
from typing import Any

from flow_runtime.conditions import as_number
from flow_runtime.errors import LimitExceeded, NodeFailure
from flow_runtime.limits import VALUE_DEPTH, VALUE_SIZE

_YES = frozenset(("yes", "y", "true", "1", "on"))
_NO = frozenset(("no", "n", "false", "0", "off"))


def coerced(name: str, value: Any, kind: str) -> Any:
    """The value as the declared kind; raises NodeFailure when it cannot be that."""
    if value is None or (kind == "text" and isinstance(value, str) and len(value) <= 1024):
        return value
    turned = _CONVERSIONS[kind](value) if kind in _CONVERSIONS else value
    if turned is None:
        raise NodeFailure("type", f'"{name}" is declared as {kind} and cannot hold this value')
    if size_of(turned) > VALUE_SIZE:
        raise LimitExceeded(f'The value of "{name}" is too large')
    return turned


def size_of(value: Any, depth: int = 0) -> int:
    """Roughly the bytes of the value as JSON; raises when it is not plain JSON or too deep."""
    kind = type(value)
    if kind is str:
        return len(value) + 2
    if value is None or kind is int or kind is bool:
        return 8
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, int):
        return 8
    if isinstance(value, float):
        if not isfinite(value):
            raise NodeFailure("type", "A number must be finite")
        return 8
    if depth >= VALUE_DEPTH:
        raise NodeFailure("type", "A value is nested too deeply")
    if isinstance(value, dict):
        size = 2
        for key, item in value.items():
            size += len(key) + (len(item) + 2 if type(item) is str else size_of(item, depth + 1))
        return size
    if isinstance(value, (list, tuple)):
        return 2 + sum(size_of(item, depth + 1) for item in value)
    raise NodeFailure("type", "A value must be text, number, yes/no, list or object")


def _as_number(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    number = as_number(value)
    return int(number) if number is not None and number.is_integer() else number


def _as_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _YES else False if word in _NO else None


def _as_date(value: Any) -> Any:
    try:
        return date.fromisoformat(str(value).strip()[:10]).isoformat()
    except ValueError:
        return None


def _as_datetime(value: Any) -> Any:
    try:
        return datetime.fromisoformat(str(value).strip()[:40]).isoformat()
    except ValueError:
        return None


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "number": _as_number,
    "boolean": _as_boolean,
    "date": _as_date,
    "datetime": _as_datetime,
    "list": lambda value: value if isinstance(value, list) else None,
    "object": lambda value: value if isinstance(value, dict) else None,
    "file": lambda value: value if isinstance(value, dict) else None,
}
