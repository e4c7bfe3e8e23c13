"""Settings of a flow as a whole, and what it takes and gives as a part of other flows. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from flow_runtime.locales import find_zone
from server.flows.document import Change, Command, Document, command, path_of
from server.flows.refusal import EditRefused

MAX_FALLBACK = 2_000
LONGEST_TYPING_MS = 10_000
MAX_TURN_BUDGET_USD = 1_000

_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class SetSettings(msgspec.Struct, tag_field="op", tag="set_settings", forbid_unknown_fields=True):
    """Some of the settings; None takes one away."""

    settings: dict[str, Any]


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """A variable that a calling flow fills."""

    name: str
    required: bool = False


class Output(msgspec.Struct, forbid_unknown_fields=True):
    """A variable that a calling flow gets back."""

    name: str


class SetInterface(msgspec.Struct, tag_field="op", tag="set_interface", forbid_unknown_fields=True):
    """What the flow takes and gives when another flow runs it."""

    inputs: list[Input] = []
    outputs: list[Output] = []


def set_settings(document: Document, operation: SetSettings) -> Command:
    """The command that changes settings; EditRefused names the field that is wrong."""
    fields = {}
    for name, value in operation.settings.items():
        if name not in _CHECKS:
            raise EditRefused(f"There is no setting called “{name[:64]}”.", name)
        fields[path_of("settings", name)] = None if value is None else _CHECKS[name](value)
    return command(document, Change(fields=fields), "Change the flow's settings")


def _fallback(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_FALLBACK:
        raise EditRefused(f"Use at most {MAX_FALLBACK:,} characters.", "fallback_text")
    return value


def _typing(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LONGEST_TYPING_MS:
        raise EditRefused(f"The pause is 0 to {LONGEST_TYPING_MS // 1000} seconds.", "typing_ms")
    return value


def _budget(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TURN_BUDGET_USD:
        raise EditRefused(f"A turn may cost more than 0 and at most {MAX_TURN_BUDGET_USD:,} US dollars.", "turn_budget_usd")
    return value


def _zone(value: Any) -> str:
    if not isinstance(value, str) or find_zone(value) is None:
        raise EditRefused("This time zone is not known. Choose one from the list, such as Europe/Berlin.", "time_zone")
    return value


def _quiet(value: Any) -> dict[str, str]:
    ends = [str(value.get(end, "")) for end in ("from", "to")] if isinstance(value, Mapping) else []
    if len(ends) != 2 or not all(_TIME.fullmatch(end) for end in ends):
        raise EditRefused("Write both times as hours and minutes, such as 22:00 and 07:00.", "quiet_hours")
    if ends[0] == ends[1]:
        raise EditRefused("Quiet hours begin and end at different times.", "quiet_hours")
    return {"from": ends[0], "to": ends[1]}


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "fallback_text": _fallback,
    "typing_ms": _typing,
    "turn_budget_usd": _budget,
    "time_zone": _zone,
    "quiet_hours": _quiet,
}


def set_interface(document: Document, operation: SetInterface) -> Command:
    """The command that says what the flow takes and gives; every name is one of a declared variable."""
    for side, names in (("inputs", operation.inputs), ("outputs", operation.outputs)):
        seen: set[str] = set()
        for one in names:
            if one.name not in document.get("variables", {}):
                raise EditRefused(f"“{one.name[:64]}” is not declared. Add it to the variables first.", side)
            if one.name in seen:
                raise EditRefused(f"“{one.name}” stands there twice.", side)
            seen.add(one.name)
    interface = {
        "inputs": [{"name": one.name, "required": one.required} for one in operation.inputs],
        "outputs": [{"name": one.name} for one in operation.outputs],
    }
    return command(document, Change(fields={"interface": interface}), "Change inputs and outputs")
