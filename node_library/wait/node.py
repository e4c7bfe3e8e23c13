"""Lets time pass, or goes on earlier when the customer writes."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from flow_runtime.effects import SetTimer
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input, TimerFired
from flow_runtime.locales import find_zone
from flow_runtime.nodes import Step, Turn
from flow_runtime.opening import moment_in, opens_at
from flow_runtime.printing import as_text

LONGEST = timedelta(days=366)


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    due_at = _due_at(settings, turn)
    if due_at <= turn.now:
        return Step(go="next")
    if due_at - turn.now > LONGEST:
        raise NodeFailure("time", f"{due_at:%Y-%m-%d} is more than a year away.")
    return Step(effects=(SetTimer(due_at),), wait_for="timer", interruptible=settings["listen"])


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    return Step(go="next" if isinstance(input, TimerFired) else "message")


def _due_at(settings: Mapping[str, Any], turn: Turn) -> datetime:
    if settings["kind"] == "delay":
        return turn.now + timedelta(seconds=settings["seconds"])
    zone = _zone(settings["time_zone"] or turn.time_zone)
    if settings["kind"] == "time":
        text = as_text(turn.value(settings["at"]))
        due_at = moment_in(text, zone)
        if due_at is None:
            raise NodeFailure("time", f'"{text[:60]}" is no date or time like 2026-03-31T14:30.')
        return due_at
    opens = opens_at(turn.now, settings["hours"], zone, {day for text in settings["closed"] if (day := _day(text)) is not None})
    if opens is None:
        raise NodeFailure("time", "It never opens within a year.")
    return opens


def _zone(name: str) -> tzinfo:
    zone = find_zone(name)
    if zone is None:
        raise NodeFailure("time_zone", f'There is no time zone "{name}".')
    return zone


def _day(text: str) -> date | None:
    """The day, or None for one that no calendar has, like the 31st of February."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
