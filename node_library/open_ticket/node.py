"""Opens a ticket and keeps its number."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    title = " ".join(turn.render(settings["title"]).split())
    if not title:
        raise NodeFailure("title", "The ticket has no title.")
    payload = {
        "title": title,
        "description": turn.render(settings["description"]).strip(),
        "priority": settings["priority"],
        "category": settings["category"].strip() or None,
        "email": turn.render(settings["email"]).strip() or None,
        "fields": {name: turn.value(value) for name, value in settings["fields"].items()},
    }
    return Step(effects=(Call("ticket.open", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    ticket, error = result_of(input, "number")
    if error is not None:
        return Step(go=FAILED, error=error)
    number = {settings["number_as"]: ticket["number"]} if settings["number_as"] else {}
    return Step(set=kept(settings, ticket) | number, go="ok")
