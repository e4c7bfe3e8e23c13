"""Sends a message that the channel has approved beforehand."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    template = {
        "name": settings["template"],
        "language": settings["language"] or turn.language.replace("-", "_"),
        "parameters": [turn.render(value) for value in settings["parameters"]],
    }
    return Step(effects=(Say(turn.render(settings["text"]).strip(), template=template),), go="next")
