"""Waits until another system announces something to this conversation, or until it has taken too long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import EventReceived, Input, TimerFired
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    event = turn.render(settings["event"]).strip()
    if not event:
        raise NodeFailure("event", "The name of the event is empty.")
    until = datetime.fromisoformat(turn.memory["until"]) if turn.returning else turn.now + timedelta(seconds=settings["timeout_s"])
    left = (until - turn.now).total_seconds()
    if left <= 0:
        return Step(go="timeout")
    memory = {"until": until.isoformat()}
    return Step(wait_for="event", event=event, timeout_s=left, memory=memory, interruptible=settings["listen"])


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, EventReceived):
        name = settings["save_as"]
        return Step(set={name: dict(input.payload)} if name else {}, go="received")
    return Step(go="timeout" if isinstance(input, TimerFired) else "message")
