"""Works out values and remembers them."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    values: dict[str, Any] = {}
    for row in settings["assignments"]:
        values[row["variable"]] = turn.value(row.get("value", ""), also=values)
    return Step(set=values, go="next")
