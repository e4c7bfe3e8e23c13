"""The filters, tests and functions an expression may use. Each pays for its work and keeps its result small."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from jinja2 import ChainableUndefined

from flow_runtime.budget import charge, take, weigh, within_limits
from flow_runtime.errors import ExpressionError
from flow_runtime.formatting import FORMATTERS
from flow_runtime.limits import RANGE_ITEMS, TEXT_CHARACTERS
from flow_runtime.printing import as_text, compare, contains, described, finished, items_of


def joined(*parts: Any) -> str:
    """`a ~ b ~ c`."""
    texts = [finished(part) for part in parts]
    if sum(map(len, texts)) > TEXT_CHARACTERS:
        raise ExpressionError("The text becomes too long")
    return "".join(texts)


def _join(value: Any, separator: Any = ", ") -> str:
    texts = [finished(item) for item in items_of(value)]
    glue = as_text(separator)
    if sum(map(len, texts)) + len(glue) * len(texts) > TEXT_CHARACTERS:
        raise ExpressionError("The text becomes too long")
    return glue.join(texts)


def _replace(value: Any, old: Any, new: Any) -> str:
    whole, before, after = as_text(value), as_text(old), as_text(new)
    if not before:
        return whole
    if len(whole) + whole.count(before) * (len(after) - len(before)) > TEXT_CHARACTERS:
        raise ExpressionError("The text becomes too long")
    return whole.replace(before, after)


def _truncate(value: Any, length: Any = 255, end: Any = "…") -> str:
    whole, keep = as_text(value), max(0, _int(length))
    return whole if len(whole) <= keep else whole[:keep] + as_text(end)[:8]


def _int(value: Any, default: Any = 0) -> Any:
    try:
        return default if isinstance(value, str) and len(value) > 32 else int(float(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(value: Any, default: Any = 0.0) -> Any:
    try:
        return default if isinstance(value, str) and len(value) > 64 else float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _round(value: Any, digits: Any = 0) -> float | int:
    places = max(-12, min(12, _int(digits)))
    rounded = round(float(value), places)
    return int(rounded) if places <= 0 and abs(rounded) < 1e15 else rounded


def _abs(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"{described(value)} has no absolute value")
    return abs(value)


def _default(value: Any, other: Any = "", empty: Any = True) -> Any:
    return other if value is None or isinstance(value, ChainableUndefined) or (empty and value == "") else value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple, dict, range)) else 0


def _field(value: Any, name: Any) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _sort(value: Any, attribute: Any = None, reverse: Any = False) -> list[Any]:
    key: Callable[[Any], Any] | None = None if attribute is None else lambda item: _field(item, attribute)
    return sorted(items_of(value), key=key, reverse=bool(reverse))


def _first(value: Any) -> Any:
    return next(items_of(value), None)


def _last(value: Any) -> Any:
    found = None
    for item in items_of(value):
        found = item
    return found


def _sum(value: Any) -> Any:
    total: int | float = 0
    for item in items_of(value):
        if isinstance(item, bool) or not isinstance(item, (int, float)):
            raise ExpressionError(f"{described(item)} cannot be added up")
        total += item
    return total


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=as_text)


def _get(value: Any, key: Any, default: Any = None) -> Any:
    return value.get(key, default) if isinstance(value, dict) else default


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _pairs(value: Any) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()] if isinstance(value, dict) else []


def _split(value: Any, separator: Any = None) -> list[str]:
    return as_text(value).split(as_text(separator) or None, RANGE_ITEMS)


def _date(value: Any, pattern: Any = "%Y-%m-%d") -> str:
    try:
        moment = datetime.fromisoformat(as_text(value)[:40])
    except ValueError:
        raise ExpressionError("This is not a date") from None
    return re.sub(r"%([YymdBbAaHIMSpj%])", lambda found: moment.strftime(found[0]), as_text(pattern)[:64])


def _plain_filters() -> dict[str, Callable[..., Any]]:
    """Filters whose cost grows with the value."""
    return {
        "upper": lambda value: as_text(value).upper(),
        "lower": lambda value: as_text(value).lower(),
        "trim": lambda value: as_text(value).strip(),
        "capitalize": lambda value: as_text(value).capitalize(),
        "title": lambda value: as_text(value).title(),
        "join": _join,
        "replace": _replace,
        "truncate": _truncate,
        "sort": _sort,
        "pluck": lambda value, name: [_field(item, name) for item in items_of(value)],
        "where": lambda value, name, wanted: [item for item in items_of(value) if _field(item, name) == wanted],
        "list": lambda value: list(items_of(value)),
        "last": _last,
        "sum": _sum,
        "min": lambda value: min(items_of(value), default=None),
        "max": lambda value: max(items_of(value), default=None),
        "unique": lambda value: list(dict.fromkeys(items_of(value))),
        "json": _json,
        "string": as_text,
        "startswith": lambda value, start: as_text(value).startswith(as_text(start)),
        "endswith": lambda value, end: as_text(value).endswith(as_text(end)),
        "contains": contains,
        "keys": lambda value: list(value) if isinstance(value, dict) else [],
        "values": _values,
        "pairs": _pairs,
        "split": _split,
        "date": _date,
        **FORMATTERS,
    }


def _cheap_filters() -> dict[str, Callable[..., Any]]:
    """Filters that cost the same whatever the value."""
    return {
        "length": _length,
        "count": _length,
        "first": _first,
        "default": _default,
        "d": _default,
        "get": _get,
        "int": _int,
        "float": _float,
        "round": _round,
        "abs": _abs,
    }


def _paying(work: Callable[..., Any], *, by_size: bool) -> Callable[..., Any]:
    def paid(*values: Any, **options: Any) -> Any:
        take(2 + weigh(*values) if by_size else 2)
        return within_limits(work(*values, **options))

    return paid


def _range(*bounds: Any) -> range:
    numbers = range(*bounds)
    if len(numbers) > RANGE_ITEMS:
        raise ExpressionError(f"range is limited to {RANGE_ITEMS} numbers")
    return numbers


def _smallest(*values: Any) -> Any:
    return min(values[0] if len(values) == 1 and isinstance(values[0], Iterable) else values, default=None)


def _largest(*values: Any) -> Any:
    return max(values[0] if len(values) == 1 and isinstance(values[0], Iterable) else values, default=None)


FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: _paying(work, by_size=True) for name, work in _plain_filters().items()},
    **{name: _paying(work, by_size=False) for name, work in _cheap_filters().items()},
}
"""What `value | filter` may be."""

HIDDEN_FILTERS: Mapping[str, Callable[..., Any]] = {"-items": items_of, "-compare": compare, "-joined": joined, "-charge": charge}
"""Put in by the guard; no author can write these names."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {"range": _range, "min": _smallest, "max": _largest}
"""What may be called by name."""

METHODS: Mapping[str, str] = {
    "upper": "upper",
    "lower": "lower",
    "strip": "trim",
    "title": "title",
    "startswith": "startswith",
    "endswith": "endswith",
    "get": "get",
    "keys": "keys",
    "values": "values",
    "items": "pairs",
    "split": "split",
    "contains": "contains",
    "replace": "replace",
}
"""`text.upper()` is read as `text | upper`: no bound method is ever reachable."""

TESTS = frozenset(
    (
        *("defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "boolean", "true", "false", "even", "odd"),
        *("divisibleby", "in", "eq", "equalto", "ne", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "==", "!=", "<", "<=", ">", ">="),
    )
)
"""What may follow `is`."""
