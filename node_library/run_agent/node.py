"""Gives a task to an agent and goes on when it has spoken its last word. Listens first when there is no task yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def _start(settings: Mapping[str, Any], turn: Turn) -> Step:
    goal = turn.render(settings["goal"]).strip()
    if not goal:
        return Step(wait_for="message")
    known = {name: turn.value(value) for name, value in settings["input"].items()}
    call = Call("agent.run", {"agent": settings["agent"], "goal": goal, "input": known}, timeout_s=settings["timeout_s"])
    return Step(effects=(call,), wait_for="call")


def _end(settings: Mapping[str, Any], turn: Turn, input: CallResult | AgentDone) -> Step:
    result, error = result_of(input, "text")
    if error is not None:
        return Step(go=FAILED, error=error)
    text = str(result["text"] or "").strip()
    said = (Say(text, call_id=turn.call_id),) if settings["say"] and text else ()
    return Step(effects=said, set=kept(settings, result), go="person" if result.get("status") == "needs_person" else "ok")


enter, resume = listener("goal", ask=_start, leave=_end)
