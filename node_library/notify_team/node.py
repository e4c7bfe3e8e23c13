"""Tells colleagues something."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    if not text:
        raise NodeFailure("text", "There is nothing to tell.")
    payload = {"text": text, "to": list(settings["to"]), "urgency": settings["urgency"], "link": settings["link"]}
    return Step(effects=(Call("team.notify", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    _, error = result_of(input)
    return Step(go="ok") if error is None else Step(go=FAILED, error=error)
