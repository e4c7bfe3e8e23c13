"""What a step would say first, without running a conversation: its message with its variables still by name."""

import re
from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.expressions import Texts, is_template
from flow_runtime.nodes import NodeType, Turn
from flow_runtime.settings import complete, templates
from server.kit import clock
from server.turns.take_turn import body_of_say

_COMPUTED = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}|\{[%#].*?[%#]\}", re.DOTALL)
_ADDRESS = re.compile(r"(?:^|_)url$")
SOME_ADDRESS = "https://example.com/"
"""Stands for an address that is computed when the step runs."""


def message_of(kind: NodeType, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message that a step with these settings begins with, as it stands in the transcript; None when it has none of its own.

    What `{{ }}` would compute is shown by its expression in angle brackets. Settings that are not finished give None too.
    """
    try:
        shown = complete(kind.schema, _named(settings, ""))
        step = kind.enter(shown, _turn(kind, shown))
    except Exception:  # a node may fail in any way on settings that are half filled in
        return None
    said = next((effect for effect in step.effects if isinstance(effect, Say)), None)
    return None if said is None or not _says_something(said) else body_of_say(said)


def _says_something(said: Say) -> bool:
    return bool(said.text.strip() or said.choices or said.media or said.cards or said.template)


def speaks(schema: Mapping[str, Any]) -> bool:
    """Whether steps with this schema have words for the customer."""
    parts = schema.get("properties", {}).values()
    return any(part.get("x-customer") or part.get("x-widget") in ("choices", "cards", "buttons") for part in parts)


def _turn(kind: NodeType, settings: Mapping[str, Any]) -> Turn:
    now = clock.now()
    scope = {
        "message": {"text": ""},
        "contact": {"name": None, "language": None, "attributes": {}},
        "conversation": {"id": "preview"},
        "error": None,
        "now": now.isoformat(),
    }
    texts = Texts(text for _, text in templates(kind.schema, settings))
    return Turn(scope=scope, texts=texts, now=now, seed="preview", call_id="preview", run_id="preview")


def _named(value: Any, name: str) -> Any:
    """The settings with what is computed shown by its expression."""
    if isinstance(value, Mapping):
        return {key: _named(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, name) for one in value]
    if not isinstance(value, str) or not is_template(value):
        return value
    if _ADDRESS.search(name):
        return SOME_ADDRESS if _COMPUTED.fullmatch(value.strip()) else _COMPUTED.sub("value", value)
    return _COMPUTED.sub(lambda found: f"\u2039{found[1]}\u203a" if found[1] else "", value)
