"""Has the customer's words classified and leaves by the intent. Listens first when there is nothing to classify yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Track
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn


def _classify(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    if not text:
        return Step(wait_for="message")
    payload = {"text": text, "minimum_confidence": settings["minimum_confidence"]}
    return Step(effects=(Call("llm.classify", payload),), wait_for="call")


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    value = result.value if result.ok and isinstance(result.value, dict) else {}
    confidence = value.get("confidence")
    confidence = confidence if isinstance(confidence, (int, float)) else 0.0
    intent = value.get("intent")  # None when the classifier was not sure enough, or the words are about something else
    if not isinstance(intent, str):
        intent = None
    port = "otherwise" if intent is None else intent if intent in settings["intents"] else "matched"
    name = settings["save_as"]
    return Step(
        effects=(Track("intent", {"intent": intent, "confidence": confidence}),),
        set={name: intent} if name else {},
        go=port,
        error=None if result.ok else result.error,
    )


enter, resume = listener("text", ask=_classify, leave=_leave)
