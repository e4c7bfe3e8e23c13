"""Runs the author's JavaScript on values of the conversation and keeps what it returns."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    known = {name: turn.value(value) for name, value in settings["input"].items()}
    payload = {"source": settings["source"], "input": known, "timeout_ms": settings["timeout_ms"]}
    return Step(effects=(Call("code.run", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    answer, error = result_of(input, "value")
    return Step(set=kept(settings, answer["value"]), go="ok") if error is None else Step(go=FAILED, error=error)
