"""Goes once through the path of its port for each item of a list. The interpreter does the counting."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.errors import NodeFailure
from flow_runtime.nodes import Loop, Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return Step(go="each", loop=Loop(_items(turn.value(settings["list"])), settings["item"], settings["index"]))


def _items(value: Any) -> tuple[Any, ...]:
    """The items of a list, or the fields of an object; what is empty has none."""
    if value is None or value == "":
        return ()
    if isinstance(value, dict):
        return tuple({"key": key, "value": item} for key, item in value.items())
    if not isinstance(value, list):
        raise NodeFailure("loop", "This is not a list.")
    return tuple(value)
