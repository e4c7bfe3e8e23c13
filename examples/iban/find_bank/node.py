"""Asks for the bank of an account: the looking up itself is `bank` in calls.py, which a worker runs."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import CallError, CallResult, Input
from flow_runtime.nodes import FAILED, Step, Turn

TIMEOUT_S = 15.0


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    payload = {"iban": turn.render(settings["iban"])}
    return Step(effects=(Call("plugin.iban.bank", payload, timeout_s=TIMEOUT_S),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, CallResult) and input.ok:
        return Step(set={settings["save_as"]: input.value} if settings["save_as"] else {}, go="found")
    error = input.error if isinstance(input, CallResult) else None
    return Step(go=FAILED, error=error or CallError("no_answer", "There was no answer."))
