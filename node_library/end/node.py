"""Says goodbye and ends the flow."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    goodbye = turn.render(settings["text"]).strip()
    return Step(effects=(Say(goodbye),) if goodbye else (), end=settings["outcome"])
