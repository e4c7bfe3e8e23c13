"""Has the language of the customer's words guessed, goes on in it, and leaves by it. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import CallResult, Input
from flow_runtime.nodes import Step, Turn, mentions


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if mentions(settings["text"], "message") and turn.take_message() is None:
        return Step(wait_for="message")
    return _ask(settings, turn)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, CallResult):
        return _leave(settings, turn, input)
    turn.take_message()
    return _ask(settings, turn)


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


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult) -> Step:
    if not result.ok or not isinstance(result.value, dict):
        raise NodeFailure(*((result.error.kind, result.error.message) if result.error else ("no_answer", "There was no answer.")))
    language = result.value.get("language")
    known = language in [row["language"] for row in settings["languages"]]
    guess = result.value.get("guess") or language
    new = known and settings["set_language"] and not _is(turn.scope["contact"]["language"], language)
    return Step(
        set={settings["save_as"]: guess} if settings["save_as"] else {},
        language=language if new else None,
        go=language if known else "otherwise",
    )


def _is(spoken: str | None, language: Any) -> bool:
    """Whether the contact is spoken to in that language already, perhaps as one country speaks it."""
    return spoken is not None and (spoken == language or spoken.startswith(f"{language}-"))
