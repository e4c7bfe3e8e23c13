"""What came back from a call: whether it can be used, and which parts of it a node keeps."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import AgentDone, CallError, CallResult, Input
from flow_runtime.paths import MISSING, find

NO_ANSWER = CallError("no_answer", "There was no answer.")


def result_of(input: Input, *fields: str) -> tuple[dict[str, Any], CallError | None]:
    """The value of a call whose answer is an object with these fields, or why it cannot be used (the value is then empty)."""
    if not isinstance(input, (CallResult, AgentDone)):
        return {}, NO_ANSWER
    if not input.ok:
        return {}, input.error or NO_ANSWER
    value = input.value if isinstance(input.value, dict) else {}
    missing = [name for name in fields if name not in value]
    if missing or not isinstance(input.value, dict):
        return {}, CallError("bad_answer", f"The answer has no {' and no '.join(missing) or 'fields'}.")
    return value, None


def value_of(result: CallResult | AgentDone) -> dict[str, Any]:
    """The answer when it is an object; raises NodeFailure with what went wrong otherwise."""
    value, error = result_of(result)
    if error is not None:
        raise NodeFailure(error.kind, error.message)
    return value


def kept(settings: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The variables that get the answer: all of it by the setting `save_as`, parts of it (or None) by the rows of `pick`."""
    whole = {settings["save_as"]: value} if settings.get("save_as") else {}
    return whole | {row["variable"]: part(value, row["path"]) for row in settings.get("pick", ())}


def part(value: Any, path: str) -> Any:
    """The part at a path like items.0.name, or None."""
    found = find(value, path)
    return None if found is MISSING else found
