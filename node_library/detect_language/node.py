"""Has the language of the customer's words guessed, goes on in it, and leaves by it. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn
from flow_runtime.results import value_of


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    before = turn.scope.get(settings["save_as"])
    payload = {
        "text": text,
        "among": [row["language"] for row in settings["languages"]],
        "current": turn.scope["contact"]["language"],
        "before": before if isinstance(before, str) and before else None,
    }
    return Step(effects=(Call("nlu.language", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    value = value_of(result)
    language = value.get("language")
    known = language in [row["language"] for row in settings["languages"]]
    guess = value.get("guess") or language
    new = known and settings["set_language"] and not _is(turn.scope["contact"]["language"], language)
    return Step(
        set={settings["save_as"]: guess} if settings["save_as"] else {},
        language=language if new else None,
        go=language if known else "otherwise",
    )


def _is(spoken: str | None, language: Any) -> bool:
    """Whether the contact is spoken to in that language already, perhaps as one country speaks it."""
    return spoken is not None and (spoken == language or spoken.startswith(f"{language}-"))


enter, resume = listener("text", ask=_ask, leave=_leave)
