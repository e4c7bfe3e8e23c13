"""Has the mood of the customer's words judged and leaves by it. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import CallResult, Input
from flow_runtime.nodes import Step, Turn, mentions

_MOODS = ("positive", "neutral", "negative")


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if mentions(settings["text"], "message") and turn.take_message() is None:
        return Step(wait_for="message")
    return _ask(settings, turn)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, CallResult):
        return _leave(settings, input)
    turn.take_message()
    return _ask(settings, turn)


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    payload = {
        "text": turn.render(settings["text"]).strip(),
        "language": turn.scope["contact"]["language"],
        "positive": [turn.render(word) for word in settings["positive"]],
        "negative": [turn.render(word) for word in settings["negative"]],
    }
    return Step(effects=(Call("nlu.sentiment", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], result: CallResult) -> Step:
    if not result.ok or not isinstance(result.value, dict):
        raise NodeFailure(*((result.error.kind, result.error.message) if result.error else ("no_answer", "There was no answer.")))
    label = result.value.get("label")
    values = {settings["save_as"]: label, settings["save_score_as"]: result.value.get("score")}
    return Step(set={name: value for name, value in values.items() if name}, go=label if label in _MOODS else "unknown")
