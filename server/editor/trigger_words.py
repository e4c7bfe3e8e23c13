"""Triggers in words for people who do not program."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from server.editor.fields import split_duration
from server.flows.document import Document
from server.flows.schedules import words_of


class Words(NamedTuple):
    """When a trigger starts, its picture, and a sentence."""

    title: str
    icon: str
    text: str


KINDS_IN_WORDS: Mapping[str, Words] = {
    "conversation_start": Words(
        "When a conversation starts", icon="play", text="The first thing that happens, before the customer wrote anything."
    ),
    "keyword": Words("When the customer says…", icon="message-square-quote", text="Certain words, at any time."),
    "intent": Words("When the intent … is recognised", icon="target", text="What the customer wants, in words of their own."),
    "command": Words("When the customer asks for help, a restart or a human", icon="life-buoy", text="Commands that work everywhere."),
    "postback": Words("When the button … is pressed", icon="mouse-pointer-click", text="Also a button of an earlier message."),
    "event": Words("When another system reports …", icon="radio", text="An event sent to Chatloom, such as a payment."),
    "schedule": Words("At a certain time", icon="calendar-clock", text="Every day, on weekdays, each month."),
    "inactivity": Words("When the customer is silent for …", icon="hourglass", text="To ask once more, or to say goodbye."),
    "error": Words("When something goes wrong", icon="triangle-alert", text="A step fails and does not say itself what then."),
}
"""Each type of trigger."""

COMMANDS = (("help", "Help"), ("restart", "Start again"), ("human", "A human"), ("custom", "Something else"))


def in_words(trigger: Mapping[str, Any]) -> str:
    """When it starts, in a few words: for the list, and for the flag on the canvas."""
    match trigger["type"]:
        case "intent":
            return "Intent " + " or ".join(trigger["intents"][:3])
        case "keyword":
            return "“" + "”, “".join(trigger["words"][:3]) + "”"
        case "command":
            return dict(COMMANDS).get(trigger["command"], "") if trigger["command"] != "custom" else trigger["words"][0]
        case "postback":
            return f"Button {trigger['value']}"
        case "event":
            return f"Event {trigger['name']}"
        case "schedule":
            words = words_of(trigger["cron"])
            return words[0].upper() + words[1:]
        case "inactivity":
            amount, unit = split_duration(trigger["after_s"])
            return f"Silent for {amount} {unit}"
        case "error":
            return "On errors"
    return "Start"


def flags_of(document: Document) -> dict[str, list[tuple[str, str]]]:
    """For each step the triggers that lead to it, but the start: (picture, words)."""
    flags: dict[str, list[tuple[str, str]]] = {}
    for trigger in document["triggers"]:
        if trigger["type"] != "conversation_start":
            flags.setdefault(trigger["node"], []).append((KINDS_IN_WORDS[trigger["type"]].icon, in_words(trigger)))
    return flags
