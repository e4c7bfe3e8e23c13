"""Says one thing and goes on."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    texts = [settings["text"], *(text for text in settings["variants"] if text.strip())]
    text = texts[0] if len(texts) == 1 else turn.random.choice(texts)
    said = turn.render(text).strip()
    return Step(effects=(Say(said),) if said else (), go="next")
