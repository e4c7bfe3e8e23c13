"""What starts a flow, or leads into it from anywhere: triggers set and taken away. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import re2

from flow_runtime.locales import find_zone
from server.flows.document import Change, Command, Document, command
from server.flows.refusal import EditRefused
from server.flows.schedules import checked_cron
from server.flows.variables import checked_name

MAX_TRIGGERS = 100
MAX_WORDS = 100
MAX_WORD = 200
MAX_EVENT_NAME = 100
LONGEST_SILENCE_S = 30 * 86_400
COMMANDS = ("help", "restart", "human", "custom")
MATCHES = ("exact", "contains", "pattern")
FOR_GOOD = frozenset(("conversation_start", "error"))
"""Triggers of which there is at most one, and whose way does not lead back."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class SetTrigger(msgspec.Struct, tag_field="op", tag="set_trigger", forbid_unknown_fields=True):
    """A new trigger, or another one in place of the one with its id."""

    trigger: dict[str, Any]


class DeleteTrigger(msgspec.Struct, tag_field="op", tag="delete_trigger", forbid_unknown_fields=True):
    """Take a trigger away."""

    id: str


def set_trigger(document: Document, operation: SetTrigger) -> Command:
    """The command that puts a trigger; EditRefused names the field that is wrong."""
    trigger = checked(operation.trigger)
    if trigger["node"] not in document["nodes"]:
        raise EditRefused("Choose the step it starts.", "node")
    before = document["triggers"]
    if trigger["type"] in FOR_GOOD and any(one["type"] == trigger["type"] and one["id"] != trigger["id"] for one in before):
        raise EditRefused("The flow has this trigger already. Change that one.", "type")
    is_new = all(one["id"] != trigger["id"] for one in before)
    if is_new and len(before) >= MAX_TRIGGERS:
        raise EditRefused(f"A flow has at most {MAX_TRIGGERS} triggers.", "type")
    after = [*before, trigger] if is_new else [trigger if one["id"] == trigger["id"] else one for one in before]
    return command(document, Change(fields={"triggers": after}), "Add a trigger" if is_new else "Change a trigger")


def delete_trigger(document: Document, operation: DeleteTrigger) -> Command:
    """The command that takes a trigger away."""
    left = [trigger for trigger in document["triggers"] if trigger["id"] != operation.id]
    return command(document, Change(fields={"triggers": left}), "Delete a trigger")


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The trigger with what its type knows and nothing else; EditRefused names the field that is wrong."""
    kind = str(given.get("type"))
    if kind not in _FIELDS:
        raise EditRefused("Choose when it starts.", "type")
    name = str(given.get("id", ""))
    if not _ID.fullmatch(name):
        raise EditRefused("An id has 1 to 64 letters, digits, - or _.", "id")
    trigger = {"id": name, "type": kind, "node": str(given.get("node", ""))} | _FIELDS[kind](given)
    if kind not in FOR_GOOD and trigger.get("command") != "restart":
        trigger["returns"] = bool(given.get("returns", True))
    return trigger


def _nothing(given: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _intent(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "intents": _words(given, "intents", "Choose an intent."),
        "when": _one_of(given, "when", ("not_understood", "always")),
    }


def _keyword(given: Mapping[str, Any]) -> dict[str, Any]:
    match = _one_of(given, "match", MATCHES)
    words = _words(given, "words", "Write the words, one in each line.")
    if match == "pattern":
        _check_patterns(words)
    return {"words": words, "match": match}


def _command(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"command": _one_of(given, "command", COMMANDS), "words": _words(given, "words", "Write the words, one in each line.")}


def _postback(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": _text(given, "value", "Write the value that the button sends.")}


def _event(given: Mapping[str, Any]) -> dict[str, Any]:
    name = _text(given, "name", "Write the name of the event.", MAX_EVENT_NAME)
    saved = str(given.get("save_as") or "").strip()
    return {"name": name} | ({"save_as": _variable(saved)} if saved else {})


def _variable(name: str) -> str:
    try:
        return checked_name(name)
    except EditRefused as refusal:
        raise EditRefused(str(refusal), "save_as") from None


def _schedule(given: Mapping[str, Any]) -> dict[str, Any]:
    zone = str(given.get("time_zone") or "")
    if zone and find_zone(zone) is None:
        raise EditRefused("This time zone is not known. Choose one from the list, such as Europe/Berlin.", "time_zone")
    timed = {"cron": checked_cron(str(given.get("cron") or "")), "audience": _one_of(given, "audience", ("open", "all"))}
    return timed | ({"time_zone": zone} if zone else {})


def _inactivity(given: Mapping[str, Any]) -> dict[str, Any]:
    after = given.get("after_s")
    if not isinstance(after, int | float) or isinstance(after, bool) or not 1 <= after <= LONGEST_SILENCE_S:
        raise EditRefused("Say how long the customer is silent: a second to 30 days.", "after_s")
    times = given.get("times") or 1
    if not isinstance(times, int) or not 1 <= times <= 10:
        raise EditRefused("It can start 1 to 10 times in one conversation.", "times")
    return {"after_s": round(after), "times": times}


_FIELDS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "conversation_start": _nothing,
    "intent": _intent,
    "keyword": _keyword,
    "command": _command,
    "postback": _postback,
    "event": _event,
    "schedule": _schedule,
    "inactivity": _inactivity,
    "error": _nothing,
}
TYPES = tuple(_FIELDS)


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name) or allowed[0]
    if value not in allowed:
        raise EditRefused("Choose one of the list.", name)
    return str(value)


def _text(given: Mapping[str, Any], name: str, sentence: str, longest: int = MAX_WORD) -> str:
    value = str(given.get(name) or "").strip()
    if not value or len(value) > longest:
        raise EditRefused(sentence if not value else f"Use at most {longest} characters.", name)
    return value


def _words(given: Mapping[str, Any], name: str, sentence: str) -> list[str]:
    words = list(dict.fromkeys(str(word).strip() for word in given.get(name) or () if str(word).strip()))
    if not words:
        raise EditRefused(sentence, name)
    if len(words) > MAX_WORDS or any(len(word) > MAX_WORD for word in words):
        raise EditRefused(f"Use at most {MAX_WORDS} lines of {MAX_WORD} characters.", name)
    return words


def _check_patterns(patterns: list[str]) -> None:
    for pattern in patterns:
        try:
            re2.compile(pattern)
        except re2.error:
            raise EditRefused(f"“{pattern[:60]}” is not a pattern that can be read.", "words") from None
