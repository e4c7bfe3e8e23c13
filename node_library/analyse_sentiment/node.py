"""Has the mood of the customer's words judged and leaves by it. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn
from flow_runtime.results import value_of

_MOODS = ("positive", "neutral", "negative")


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    payload = {
        "text": turn.render(settings["text"]).strip(),
        "language": turn.scope["contact"]["language"],
        "positive": [turn.render(word) for word in settings["positive"]],
        "negative": [turn.render(word) for word in settings["negative"]],
    }
    return Step(effects=(Call("nlu.sentiment", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    value = value_of(result)
    label = value.get("label")
    values = {settings["save_as"]: label, settings["save_score_as"]: value.get("score")}
    return Step(set={name: value for name, value in values.items() if name}, go=label if label in _MOODS else "unknown")


enter, resume = listener("text", ask=_ask, leave=_leave)
