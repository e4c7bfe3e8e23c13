"""Puts a message into a queue."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    topic = turn.render(settings["topic"]).strip()
    if not topic:
        raise NodeFailure("topic", "The topic is empty.")
    payload = {
        "connection": settings["connection"],
        "topic": topic,
        "key": turn.render(settings["key"]).strip() or None,
        "body": {name: turn.value(value) for name, value in settings["body"].items()},
    }
    return Step(effects=(Call("queue.publish", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    _, error = result_of(input)
    return Step(go="ok") if error is None else Step(go=FAILED, error=error)
