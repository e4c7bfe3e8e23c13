"""Do the triggers lead somewhere, and can the flow tell them apart."""

from collections.abc import Iterator, Mapping
from typing import Any

from flow_runtime.checks.drawing import Drawing
from flow_runtime.checks.expressions import pattern_faults
from flow_runtime.locales import find_zone
from flow_runtime.problems import Problem

_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_ONCE = {"command": ("command",), "postback": ("value",), "event": ("name",)}


def check_start(drawing: Drawing) -> Iterator[Problem]:
    """At most one start, at a node that exists, and something that begins the flow."""
    triggers = drawing.document["triggers"]
    starts = [trigger for trigger in triggers if trigger["type"] == "conversation_start"]
    if not starts and (not triggers or not drawing.document.get("interface")):
        message = "The flow has no start." if drawing.nodes else "The flow is empty."
        fix = "Choose a node and make it the start." if drawing.nodes else "Drag a node from the left onto the canvas."
        yield Problem("missing_start", "error", None, "triggers", message, fix)
    elif starts and drawing.start is None:
        message = "The flow starts at a node that does not exist."
        yield Problem("missing_start", "error", None, "triggers", message, "Choose a node and make it the start.")
    if len(starts) > 1:
        yield Problem("several_starts", "error", None, "triggers", "The flow has more than one start.", "Keep one start.")


def check_triggers(drawing: Drawing) -> Iterator[Problem]:
    """Each trigger leads to a node that exists, and only one answers to the same word, value or event."""
    taken: dict[tuple[str, str], int] = {}
    for index, trigger in enumerate(drawing.document["triggers"]):
        field = f"triggers.{index}"
        if trigger["type"] != "conversation_start" and trigger["node"] not in drawing.nodes:
            message = f'The trigger "{trigger["id"]}" leads to a node that does not exist.'
            yield Problem("trigger_to_nothing", "error", None, f"{field}.node", message, "Choose a node for it, or delete the trigger.")
        for key, shown in _answers_to(trigger):
            if key in taken:
                message = f"Two triggers answer to {shown}; only the first of them ever runs."
                yield Problem("duplicate_trigger", "error", None, field, message, "Take it out of one of them.")
            taken.setdefault(key, index)
        yield from _wording(trigger, field)


def _answers_to(trigger: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    kind = trigger["type"]
    if kind in ("keyword", "command") and trigger.get("match", "exact") != "pattern":
        for word in dict.fromkeys(word.strip().casefold() for word in trigger.get("words", ())):
            yield ("word", word), f'"{word}"'
    elif kind == "intent":
        for name in dict.fromkeys(trigger.get("intents", ())):
            yield ("intent", name), f'the intent "{name}"'
    elif kind == "error":
        yield ("error", ""), "errors"
    for name in _ONCE.get(kind, ()):
        value = trigger.get(name)
        if kind != "command" and isinstance(value, str):
            yield (kind, value), f'the {kind} "{value}"'


def _wording(trigger: Mapping[str, Any], field: str) -> Iterator[Problem]:
    if trigger["type"] == "keyword" and trigger.get("match") == "pattern":
        for number, word in enumerate(trigger.get("words", ())):
            yield from pattern_faults(word, None, f"{field}.words.{number}")
    if trigger["type"] == "schedule":
        fault = cron_fault(trigger.get("cron", ""))
        if fault is not None:
            yield Problem("bad_schedule", "error", None, f"{field}.cron", fault, 'Write it like "0 9 * * 1-5": 9:00 on weekdays.')
    zone = trigger.get("time_zone")
    if zone is not None and find_zone(zone) is None:
        yield _unknown_zone(zone, f"{field}.time_zone")


def check_time_zone(drawing: Drawing) -> Iterator[Problem]:
    """The flow's time zone is one that exists."""
    zone = drawing.document.get("settings", {}).get("time_zone")
    if zone is not None and find_zone(zone) is None:
        yield _unknown_zone(zone, "settings.time_zone")


def _unknown_zone(zone: str, field: str) -> Problem:
    message = f'There is no time zone called "{zone}".'
    return Problem("unknown_time_zone", "error", None, field, message, "Choose one such as Europe/Berlin or UTC.")


def cron_fault(cron: str) -> str | None:
    """Why five fields of cron are not a schedule, or None. Understands *, numbers, ranges, lists and steps."""
    parts = cron.split()
    if len(parts) != len(_CRON_FIELDS):
        return "A schedule has five fields: minute, hour, day, month, weekday."
    for part, (name, least, most) in zip(parts, _CRON_FIELDS, strict=True):
        for piece in part.split(","):
            span, _, step = piece.partition("/")
            first, _, last = span.partition("-")
            numbers = [number for number in (first, last) if number not in ("", "*")]
            bad_step = "/" in piece and not (step.isdecimal() and 1 <= int(step[:4]) <= most)
            bad_span = not span or (span != "*" and not numbers) or ("-" in span and len(numbers) != 2)
            known = all(number.isdecimal() and least <= int(number[:4]) <= most for number in numbers)
            if bad_step or bad_span or not known or (len(numbers) == 2 and int(first) > int(last)):
                return f'"{part}" is no {name} of a schedule: it is {least} to {most}, *, a range or a list.'
    return None


def check_inactivity(drawing: Drawing) -> Iterator[Problem]:
    """A flow that waits for longer than its inactivity trigger allows is interrupted by it each time."""
    longest = {node.id: node.settings["seconds"] for node in drawing.nodes.values() if _waits_for_time(node.settings.get("seconds"))}
    for index, trigger in enumerate(drawing.document["triggers"]):
        if trigger["type"] != "inactivity":
            continue
        for node_id, seconds in longest.items():
            if seconds > trigger["after_s"] and node_id in drawing.reachable and drawing.nodes[node_id].type == "wait":
                title = drawing.nodes[node_id].title
                message = f'"{title}" waits {seconds} seconds, but after {trigger["after_s"]:g} the flow takes the customer for gone.'
                fix = "Let the inactivity trigger wait for longer, or this step for less."
                yield Problem("inactivity_too_short", "warning", node_id, f"triggers.{index}.after_s", message, fix)


def _waits_for_time(seconds: Any) -> bool:
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool)


def check_error_trigger(drawing: Drawing) -> Iterator[Problem]:
    """What runs after an error does not ask the same trouble again."""
    for index, trigger in enumerate(drawing.document["triggers"]):
        if trigger["type"] != "error" or trigger["node"] not in drawing.nodes:
            continue
        for node_id in _before_the_customer(drawing, trigger["node"]):
            node = drawing.nodes[node_id]
            if node.calls_out and node.on_error == "stop" and (node_id, "failed") not in drawing.exits:
                message = f'When "{node.title}" fails, the error trigger runs again and comes back to it.'
                fix = 'Let this step go on by "If it fails", or leave it out of what runs after an error.'
                yield Problem("error_trigger_loop", "error", node_id, f"triggers.{index}", message, fix)


def _before_the_customer(drawing: Drawing, start: str) -> list[str]:
    """The nodes that run before anybody is waited for."""
    found = [start]
    for node_id in found:
        kind = drawing.nodes[node_id].kind
        if kind is not None and "message" in kind.waits and not drawing.nodes[node_id].calls_out:
            continue
        found += [target for target in drawing.after(node_id) if target not in found]
    return found
