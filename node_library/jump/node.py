"""Goes on at another node of the flow."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return Step(jump=settings["step"])
