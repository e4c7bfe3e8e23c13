"""What a step does when something goes wrong: how often it tries again, how long it waits, where it goes on. Pure."""

from typing import Any, Literal

import msgspec

from server.flows.refusal import EditRefused

MOST_RETRIES = 5
LONGEST_PAUSE_S = 300
LONGEST_TIMEOUT_S = 3_600


class SetErrorPolicy(msgspec.Struct, tag_field="op", tag="set_error_policy", forbid_unknown_fields=True):
    """How one step deals with failures; `timeout_s` is the longest it waits for an answer."""

    node: str
    do: Literal["stop", "default", "branch"] = "stop"
    value: Any = None
    retry_times: int = 0
    retry_pause_s: float = 0
    timeout_s: float | None = None


def policy_of(operation: SetErrorPolicy) -> dict[str, Any]:
    """The parts of a step that it changes: `on_error`, and `timeout_s` (None takes it away). EditRefused names the field that is wrong."""
    if not 0 <= operation.retry_times <= MOST_RETRIES:
        raise EditRefused(f"It can try again 0 to {MOST_RETRIES} times.", "step_retry_times")
    if not 0 <= operation.retry_pause_s <= LONGEST_PAUSE_S:
        raise EditRefused("The pause between two tries is 300 seconds at most.", "step_retry_pause")
    if operation.timeout_s is not None and not 0 < operation.timeout_s <= LONGEST_TIMEOUT_S:
        raise EditRefused("The time limit is a second to an hour.", "step_timeout")
    policy: dict[str, Any] = {"do": operation.do}
    if operation.do == "default":
        policy["value"] = operation.value
    if operation.retry_times:
        policy["retry"] = {"times": operation.retry_times, "pause_s": operation.retry_pause_s}
    return {"on_error": policy, "timeout_s": operation.timeout_s}
