"""Has the customer's words looked over and says whether something is out of place. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import CallResult, Input
from flow_runtime.nodes import Step, Turn, mentions

_CATEGORIES = ("profanity", "insult", "threat", "self_harm", "sexual", "spam", "shouting", "personal_data")


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
        "language": turn.language,
        "categories": [category for category in _CATEGORIES if settings[category]],
        "words": [turn.render(word) for word in settings["words"]],
    }
    return Step(effects=(Call("nlu.moderate", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], result: CallResult) -> Step:
    if not result.ok or not isinstance(result.value, dict):
        raise NodeFailure(*((result.error.kind, result.error.message) if result.error else ("no_answer", "There was no answer.")))
    name = settings["save_as"]
    return Step(
        set={name: result.value.get("categories", [])} if name else {},
        go="flagged" if result.value.get("flagged") else "clean",
    )
