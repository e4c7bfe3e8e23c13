"""Has a model answer the customer. Listens first when there is nothing to answer yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import CallError, CallResult, Input
from flow_runtime.nodes import FAILED, Step, Turn, mentions

_NO_ANSWER = CallError("no_answer", "The model gave no answer.")


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if mentions(settings["text"], "message") and turn.take_message() is None:
        return Step(wait_for="message")
    return _ask(settings, turn)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, CallResult):
        return _answer(settings, turn, input)
    turn.take_message()
    return _ask(settings, turn)


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    if not text:
        return Step(wait_for="message")
    payload = {
        "instructions": turn.render(settings["instructions"]),
        "messages": [{"role": "user", "content": text}],
        "history": settings["history"],
        "model": settings["model"] or None,
        "temperature": settings["temperature"],
        "max_tokens": settings["max_tokens"],
        "say": settings["say"],
    }
    return Step(effects=(Call("llm.reply", payload, timeout_s=settings["timeout_s"]),), wait_for="call")


def _answer(settings: Mapping[str, Any], turn: Turn, result: CallResult) -> Step:
    if not result.ok:
        error = result.error or _NO_ANSWER
        return Step(go="no_model" if error.kind == "no_model" else FAILED, error=error)
    text = result.value.get("text") if isinstance(result.value, dict) else None
    if not isinstance(text, str) or not text.strip():
        return Step(go=FAILED, error=_NO_ANSWER)
    said = (Say(text.strip(), call_id=turn.call_id),) if settings["say"] else ()
    name = settings["save_as"]
    return Step(effects=said, set={name: text.strip()} if name else {}, go="next")
