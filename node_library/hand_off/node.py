"""Hands the conversation to a person; the flow is over until it is handed back."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import HandOff, Say, Track
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    reason = turn.render(settings["reason"]).strip()
    queue = settings["queue"].strip() or None
    about = {"reason": reason, "queue": queue, "summary": turn.render(settings["summary"]).strip()}
    said = (Say(text),) if text else ()
    return Step(effects=(*said, Track("hand_off", about), HandOff(reason, queue)), end="handed_off")
