"""Has a model read a text and fill in variables. Listens first when there is nothing to read yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    if not text:
        return Step(wait_for="message")
    fields = [
        {
            "name": field["name"],
            "type": field.get("type", "text"),
            "description": turn.render(field.get("description", "")),
            "required": _is_needed(field),
        }
        for field in settings["fields"]
    ]
    payload = {"text": text, "instructions": turn.render(settings["instructions"]), "fields": fields, "model": settings["model"] or None}
    return Step(effects=(Call("llm.extract", payload),), wait_for="call")


def _fill_in(settings: Mapping[str, Any], turn: Turn, input: CallResult | AgentDone) -> Step:
    value, error = result_of(input, "values")
    if error is not None:
        return Step(go="no_model" if error.kind == "no_model" else FAILED, error=error)
    values = value["values"] if isinstance(value["values"], dict) else {}
    found = {field["name"]: values[field["name"]] for field in settings["fields"] if values.get(field["name"]) is not None}
    complete = all(field["name"] in found for field in settings["fields"] if _is_needed(field))
    return Step(set=found, go="ok" if complete else "incomplete")


def _is_needed(field: Mapping[str, Any]) -> bool:
    return bool(field.get("required", True))


enter, resume = listener("text", ask=_ask, leave=_fill_in)
