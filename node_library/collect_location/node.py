"""Asks for a place: a location from the phone, or an address in words."""

import re
from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.inputs import Choice, Input, Location, Message, TimerFired
from flow_runtime.nodes import Step, Turn
from flow_runtime.phrases import phrase

SHORTEST_ADDRESS = 3
_DEGREES = re.compile(r"\s*([+-]?\d{1,2}(?:\.\d{1,12})?)\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*")


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return _ask(settings, turn.render(settings["text"]), turn.memory)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    place = _place(settings, input)
    if place is not None:
        return Step(set={settings["save_as"]: place}, go="next")
    tries = int(turn.memory.get("tries", 0)) + 1
    if tries >= settings["attempts"]:
        return Step(go="invalid")
    own = phrase("location", turn.language) if settings["typed"] else turn.render(settings["text"])
    again = turn.render(settings["retry_text"]).strip() or own
    return _ask(settings, again, {"tries": tries}, understood=False)


def _ask(settings: Mapping[str, Any], text: str, memory: Mapping[str, Any], *, understood: bool = True) -> Step:
    limit = settings["wait_s"] if settings["limited"] else None
    said = Say(text, asks="location", asks_about={"typed": settings["typed"]})
    return Step(effects=(said,), wait_for="message", memory=memory, understood=understood, timeout_s=limit)


def _place(settings: Mapping[str, Any], input: Input) -> dict[str, Any] | None:
    """The place, or None when there is none in what the customer sent."""
    if isinstance(input, Location):
        return {"label": input.label, "latitude": input.latitude, "longitude": input.longitude}
    words = input.text.strip() if isinstance(input, (Message, Choice)) else ""
    if found := _DEGREES.fullmatch(words):
        latitude, longitude = float(found[1]), float(found[2])
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            return {"label": "", "latitude": latitude, "longitude": longitude}
    is_address = settings["typed"] and len(words) >= SHORTEST_ADDRESS and any(letter.isalpha() for letter in words)
    return {"label": words, "latitude": None, "longitude": None} if is_address else None
