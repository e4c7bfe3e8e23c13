"""Changes a ticket, or adds a comment to it."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    number = turn.render(settings["ticket"]).strip()
    if not number:
        raise NodeFailure("ticket", "There is no ticket number.")
    payload = {
        "number": number,
        "comment": turn.render(settings["comment"]).strip() or None,
        "public": settings["public"],
        "status": None if settings["status"] == "unchanged" else settings["status"],
        "priority": None if settings["priority"] == "unchanged" else settings["priority"],
        "fields": {name: turn.value(value) for name, value in settings["fields"].items()},
    }
    return Step(effects=(Call("ticket.update", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    ticket, error = result_of(input)
    if error is not None:
        return Step(go="missing" if error.kind == "not_found" else FAILED, error=error)
    return Step(set=kept(settings, ticket), go="ok")
