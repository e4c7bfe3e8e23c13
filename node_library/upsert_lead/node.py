"""Stores a lead, or what is new about one that is known by its address."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    known = {name: turn.render(settings[name]).strip() or None for name in ("email", "phone", "name", "source")}
    if known["email"] is None and known["phone"] is None:
        return Step(go="no_contact")
    fields = {name: turn.value(value) for name, value in settings["fields"].items()}
    payload = {**known, "stage": settings["stage"], "consent": settings["consent"], "fields": fields}
    return Step(effects=(Call("lead.upsert", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    lead, error = result_of(input)
    return Step(set=kept(settings, lead), go="ok") if error is None else Step(go=FAILED, error=error)
