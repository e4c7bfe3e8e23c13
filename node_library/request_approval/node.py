"""Asks colleagues for a decision and waits for it, or until nobody has answered in time."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import CallError, Input, TimerFired
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of

DECISIONS = ("approved", "rejected")


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    payload = {
        "title": " ".join(turn.render(settings["title"]).split()),
        "details": turn.render(settings["details"]).strip(),
        "approvers": list(settings["approvers"]),
        "expires_s": settings["timeout_s"],
    }
    call = Call("approval.request", payload, timeout_s=settings["timeout_s"])
    return Step(effects=(*((Say(text),) if text else ()), call), wait_for="call", timeout_s=settings["timeout_s"])


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    answer, error = result_of(input, "decision")
    if error is not None:
        return Step(go="timeout" if error.kind == "timeout" else FAILED, error=error)
    if answer["decision"] not in DECISIONS:
        return Step(go=FAILED, error=CallError("bad_answer", "The answer is no decision."))
    wanted = {settings["by_as"]: answer.get("by"), settings["comment_as"]: answer.get("comment")}
    return Step(set={name: value for name, value in wanted.items() if name}, go=answer["decision"])
