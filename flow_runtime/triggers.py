"""What leads a conversation elsewhere, wherever it stands: the triggers of a flow, looked up by what came in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flow_runtime.conditions import matches

_EDGES = " \t\n.,;:!?¡¿()\"'"
_LETTER = re.compile(r"\w")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u2e80-\u9fff\uf900-\ufaff]")
"""Letters of scripts that are written without spaces between words."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger, with what it listens for. `returns`: when its path ends, the interrupted node runs again."""

    id: str
    type: str
    node: str
    returns: bool = True
    restarts: bool = False
    intents: tuple[str, ...] = ()
    always: bool = False
    words: tuple[str, ...] = ()
    match: str = "exact"
    value: str = ""
    name: str = ""
    save_as: str = ""
    after_s: float = 0.0
    times: int = 1


class Triggers:
    """The triggers of one flow. The first in the document counts when several fit; commands come before keywords."""

    __slots__ = ("_always", "_by_id", "_commands", "_intents", "_keywords", "_postbacks", "any", "error", "events", "hears", "silences")

    def __init__(self, triggers: Iterable[Trigger] = ()) -> None:
        found = tuple(trigger for trigger in triggers if trigger.type != "conversation_start")
        self.any = bool(found)
        self._by_id = {trigger.id: trigger for trigger in found}
        self._commands = _first((word, trigger) for trigger in found if trigger.type == "command" for word in trigger.words)
        self._keywords = tuple(trigger for trigger in found if trigger.type == "keyword")
        self._postbacks = _first((trigger.value, trigger) for trigger in found if trigger.type == "postback")
        self._intents = _first((intent, trigger) for trigger in found if trigger.type == "intent" for intent in trigger.intents)
        self._always = _first((intent, trigger) for trigger in found if trigger.always for intent in trigger.intents)
        self.events: Mapping[str, Trigger] = _first((trigger.name, trigger) for trigger in found if trigger.type == "event")
        self.silences = tuple(trigger for trigger in found if trigger.type == "inactivity")
        self.error = next((trigger for trigger in found if trigger.type == "error"), None)
        timed = [trigger.id for trigger in found if trigger.type in ("schedule", "inactivity")]
        self.hears = {kind: names for kind, names in (("events", list(self.events)), ("triggers", timed)) if names}
        """The events and the ids of triggers that may come from elsewhere, by "events" and "triggers"."""

    def get(self, trigger_id: str | None) -> Trigger | None:
        """The trigger of that id."""
        return self._by_id.get(trigger_id or "")

    def by_value(self, value: str) -> Trigger | None:
        """The trigger of a button."""
        return self._postbacks.get(value)

    def by_words(self, text: str) -> Trigger | None:
        """The command that the whole text is, or the first keyword trigger that it fits."""
        words = bare(text)
        command = self._commands.get(words) if words else None
        if command is not None or not words:
            return command
        return next((trigger for trigger in self._keywords if _fits(trigger, words, text)), None)

    def by_intent(self, intent: str | None, *, only_always: bool) -> Trigger | None:
        """The trigger of an intent; `only_always` leaves out those that wait until nobody else understands."""
        if intent is None:
            return None
        return (self._always if only_always else self._intents).get(intent)

    def know_intents(self, *, only_always: bool) -> bool:
        """Whether any trigger has to know the intent."""
        return bool(self._always if only_always else self._intents)


def triggers_of(document: Mapping[str, Any]) -> Triggers:
    """The triggers of a document that fits flow.schema.json."""
    return Triggers(_trigger(about) for about in document["triggers"])


def _trigger(about: Mapping[str, Any]) -> Trigger:
    kind = about["type"]
    restarts = kind == "command" and about["command"] == "restart"
    pattern = about.get("match") == "pattern"
    return Trigger(
        id=about["id"],
        type=kind,
        node=about["node"],
        returns=about.get("returns", True) and not restarts and kind != "error",
        restarts=restarts,
        intents=tuple(about.get("intents", ())),
        always=kind == "intent" and about.get("when") == "always",
        words=tuple(word if pattern else bare(word) for word in about.get("words", ())),
        match=about.get("match", "exact"),
        value=about.get("value", ""),
        name=about.get("name", ""),
        save_as=about.get("save_as", ""),
        after_s=about.get("after_s", 0.0),
        times=about.get("times", 1),
    )


def _first(pairs: Iterable[tuple[str, Trigger]]) -> dict[str, Trigger]:
    found: dict[str, Trigger] = {}
    for name, trigger in pairs:
        found.setdefault(name, trigger)
    return found


def bare(text: str) -> str:
    """The words alone: small letters, single spaces, no punctuation around them. What is nothing but punctuation stays."""
    words = " ".join(text.casefold().split())
    return words.strip(_EDGES) or words


def _fits(trigger: Trigger, words: str, text: str) -> bool:
    if trigger.match == "pattern":
        return any(matches(text, pattern) for pattern in trigger.words)
    if trigger.match == "exact":
        return words in trigger.words
    return any(_holds_word(words, word) for word in trigger.words)


def _holds_word(text: str, word: str) -> bool:
    """Whether the word stands in the text by itself: "art" is not in "start". Scripts without spaces have no such bounds."""
    place = text.find(word) if word else -1
    while place >= 0:
        if _is_bound(text[place - 1 : place], word[0]) and _is_bound(text[place + len(word) : place + len(word) + 1], word[-1]):
            return True
        place = text.find(word, place + 1)
    return False


def _is_bound(outside: str, inside: str) -> bool:
    return _LETTER.match(outside) is None or _LETTER.match(inside) is None or _UNSPACED.match(inside) is not None
