"""Has the customer's words looked over and says whether something is out of place. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn
from flow_runtime.results import value_of

_CATEGORIES = ("profanity", "insult", "threat", "self_harm", "sexual", "spam", "shouting", "personal_data")


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    payload = {
        "text": turn.render(settings["text"]).strip(),
        "language": turn.language,
        "categories": [category for category in _CATEGORIES if settings[category]],
        "words": [turn.render(word) for word in settings["words"]],
    }
    return Step(effects=(Call("nlu.moderate", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    value = value_of(result)
    name = settings["save_as"]
    return Step(
        set={name: value.get("categories", [])} if name else {},
        go="flagged" if value.get("flagged") else "clean",
    )


enter, resume = listener("text", ask=_ask, leave=_leave)
