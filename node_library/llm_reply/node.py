"""Has a model answer the customer. Listens first when there is nothing to answer yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import AgentDone, CallError, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import FAILED, Step, Turn

_NO_ANSWER = CallError("no_answer", "The model gave no answer.")


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


def _answer(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    if not result.ok:
        error = result.error or _NO_ANSWER
        return Step(go="no_model" if error.kind == "no_model" else FAILED, error=error)
    text = result.value.get("text") if isinstance(result.value, dict) else None
    if not isinstance(text, str) or not text.strip():
        return Step(go=FAILED, error=_NO_ANSWER)
    said = (Say(text.strip(), call_id=turn.call_id),) if settings["say"] else ()
    name = settings["save_as"]
    return Step(effects=said, set={name: text.strip()} if name else {}, go="next")


enter, resume = listener("text", ask=_ask, leave=_answer)
