"""Does an action of a connected app and keeps the answer."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    fields = {name: turn.value(value) for name, value in settings["input"].items()}
    payload = {"connection": settings["connection"], "action": settings["action"], "input": fields}
    return Step(effects=(Call("integration.action", payload, timeout_s=settings["timeout_s"]),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    answer, error = result_of(input)
    return Step(set=kept(settings, answer), go="ok") if error is None else Step(go=FAILED, error=error)
