"""The call `code.run` of a flow: `{source, input, timeout_ms}` gives `{value}`."""

import json
from typing import Annotated, Any

import msgspec

from server.integrations.code.pool import Isolates
from server.kit.calls import CallEnd, CallFailed, OpenCall, Tools, performs
from server.kit.jobs import Resources

MOST_INPUT_CHARACTERS = 256 << 10
_SWITCHED_OFF = "Running code is switched off on this server. Whoever runs it can set CHATLOOM_CODE=on and start it again."


class CodeToRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function body that reads `input` and returns what can be written as JSON."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=64_000)]
    input: Any = None
    timeout_ms: Annotated[int, msgspec.Meta(ge=10, le=10_000)] = 1_000


@performs("code.run")
async def run_code(tools: Tools, call: OpenCall) -> CallEnd:
    """Run the code; a failure of the code is not tried again, it would come out the same."""
    if not tools.resources.settings.code:
        raise CallFailed("not_available", _SWITCHED_OFF, may_retry=False)
    try:
        wanted = msgspec.convert(dict(call.payload), CodeToRun)
    except msgspec.ValidationError as error:
        raise CallFailed("refused", f"The code cannot be run: {error}", may_retry=False) from None
    if len(json.dumps(wanted.input)) > MOST_INPUT_CHARACTERS:
        raise CallFailed("too_large", f"The code gets more than {MOST_INPUT_CHARACTERS >> 10} KB to read.", may_retry=False)
    try:
        answer = await tools.one(_isolates).run(wanted.source, wanted.input, wanted.timeout_ms)
    except OSError as error:  # TimeoutError is one of them
        raise CallFailed("not_available", f"The process that runs code cannot be started: {type(error).__name__}.") from error
    if "error" in answer:
        raise CallFailed(answer["error"], answer["message"], may_retry=False)
    return CallEnd(True, {"value": _storable(answer["value"])})


def _isolates(resources: Resources) -> Isolates:
    return Isolates()


def _storable(value: Any) -> Any:
    """The value without what a database cannot hold: NUL, and halves of a surrogate pair."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    return value
