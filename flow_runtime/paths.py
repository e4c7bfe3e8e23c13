"""Reading a value out of nested JSON by a dotted path: `order.items.0.name`, `contact.attributes.tier`."""

import re
from typing import Any

MISSING: Any = object()
"""What `find` gives when nothing stands at the path."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""What a variable may be called."""


def find(value: Any, path: str) -> Any:
    """The value at the path, or MISSING. A leading `$.` and brackets around indexes are understood."""
    if isinstance(value, dict) and path in value and path.isidentifier():
        return value[path]
    for step in _steps(path):
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, (list, tuple)) and step.isdecimal() and int(step[:9]) < len(value):
            value = value[int(step)]
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _steps(path: str) -> list[str]:
    if "[" in path or path.startswith("$"):
        path = path.replace("[", ".").replace("]", "").removeprefix("$").lstrip(".")
    return path.split(".") if path else []
