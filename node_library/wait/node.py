"""Lets time pass, or goes on earlier when the customer writes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flow_runtime.effects import SetTimer
from flow_runtime.inputs import Input, TimerFired
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    due_at = turn.now + timedelta(seconds=settings["seconds"])
    return Step(effects=(SetTimer(due_at),), wait_for="timer", interruptible=settings["listen"])


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    return Step(go="next" if isinstance(input, TimerFired) else "message")
