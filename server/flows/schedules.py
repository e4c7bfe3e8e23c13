"""When a flow starts by the clock: five cron fields, checked, and as the choices a person makes."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flow_runtime.checks.triggers import cron_fault
from server.flows.due import next_moment
from server.flows.refusal import EditRefused

FIELDS = 5
MAX_CRON = 100
ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""A schedule that is never due after this day is never due."""

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
EVERY = (
    ("hour", "Every hour"),
    ("day", "Every day"),
    ("weekday", "Monday to Friday"),
    ("week", "On some days of the week"),
    ("month", "Every month"),
    ("own", "Something else"),
)
"""What a person chooses from, with the words for it."""

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def checked_cron(text: str) -> str:
    """The five fields with one space between them; EditRefused says which of them cannot be read, or that they are never due."""
    cron = " ".join(text.split())
    fault = cron_fault(cron) if len(cron) <= MAX_CRON else f"A schedule has at most {MAX_CRON} characters."
    if fault is None and next_moment(cron, "UTC", ANY_DAY) is None:
        fault = f"“{cron}” is never due: there is no such day."
    if fault is not None:
        raise EditRefused(fault, "cron")
    return cron


def cron_of(choices: Mapping[str, Any]) -> str:
    """The cron fields for what a person chose: `every`, `at` ("09:00"), `days` (of the week, 0 is Sunday), `day` (of the month)."""
    every = choices.get("every")
    if every == "own":
        return checked_cron(str(choices.get("cron") or ""))
    found = _TIME.fullmatch(str(choices.get("at") or "").strip())
    if not found:
        raise EditRefused("Write the time as hours and minutes, such as 09:00.", "at")
    hour, minute = int(found[1]), int(found[2])
    match every:
        case "hour":
            return f"{minute} * * * *"
        case "weekday":
            return f"{minute} {hour} * * 1-5"
        case "week":
            days = sorted({int(day) for day in choices.get("days", ()) if str(day) in "0123456" and str(day)})
            if not days:
                raise EditRefused("Choose at least one day.", "days")
            return f"{minute} {hour} * * {','.join(map(str, days))}"
        case "month":
            day = str(choices.get("day") or "").strip()
            if not day.isdecimal() or not 1 <= int(day) <= 31:
                raise EditRefused("Write a day of the month, 1 to 31.", "day")
            return f"{minute} {hour} {int(day)} * *"
    return f"{minute} {hour} * * *"


def choices_of(cron: str) -> dict[str, Any]:
    """The choices that lead to these cron fields; "own" for what they cannot say."""
    own = {"every": "own", "at": "09:00", "days": [], "day": 1, "cron": cron}
    parts = cron.split()
    if len(parts) != FIELDS or not parts[0].isdecimal() or parts[3] != "*":
        return own
    minute, hour, day, _, week = parts
    if hour == "*":
        return {**own, "every": "hour", "at": f"00:{int(minute):02}"} if (day, week) == ("*", "*") else own
    if not hour.isdecimal():
        return own
    timed = {**own, "at": f"{int(hour):02}:{int(minute):02}"}
    if (day, week) == ("*", "*"):
        return {**timed, "every": "day"}
    if day == "*" and week == "1-5":
        return {**timed, "every": "weekday"}
    if day == "*" and all(one in "0123456" for one in week.split(",")):
        return {**timed, "every": "week", "days": [int(one) for one in week.split(",")]}
    if week == "*" and day.isdecimal():
        return {**timed, "every": "month", "day": int(day)}
    return own


def words_of(cron: str) -> str:
    """The schedule as people say it."""
    choices = choices_of(cron)
    match choices["every"]:
        case "hour":
            return f"every hour at minute {int(choices['at'][3:])}"
        case "day":
            return f"every day at {choices['at']}"
        case "weekday":
            return f"Monday to Friday at {choices['at']}"
        case "week":
            return f"every {' and '.join(DAYS[day] for day in choices['days'])} at {choices['at']}"
        case "month":
            return f"on day {choices['day']} of every month at {choices['at']}"
    return f"by the schedule {cron}"
