"""A flow ready to run: compiled once, immutable, shared by all its conversations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_runtime.expressions import Texts
from flow_runtime.locales import HOME, Manner
from flow_runtime.nodes import NodeType, Port
from flow_runtime.triggers import Triggers

DEFAULT_FALLBACK = "Sorry, something went wrong on our side. Please try again."
BUILT_IN_NAMES = frozenset(("message", "contact", "conversation", "error", "now"))
LOOP_NAMES = frozenset(("item", "index"))
"""What the path of a loop reads beside the built-in names; they are no reserved words."""
LASTING_SCOPES = frozenset(("conversation", "contact", "bot"))

Translations = Mapping[str, str]
"""What the customer reads, by its source text."""
_NONE: Translations = {}


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable."""

    name: str
    type: str = "text"
    scope: str = "flow"
    default: Any = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the flow with its settings complete and its ways out resolved.

    `key` tells it from nodes of other flows: its id, in a sub-flow after the sub-flow's. `exits` maps a port to the next node's id; `sets`
    names the variables the node may set. `timeout_s` and the retries are for its calls.
    """

    id: str
    key: str
    kind: NodeType
    title: str
    settings: Mapping[str, Any]
    ports: tuple[Port, ...]
    exits: Mapping[str, str]
    sets: tuple[str, ...]
    on_error: str
    error_value: Any
    timeout_s: float | None = None
    retry_times: int = 0
    retry_pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow document after load_flow.

    `manner` is how it writes to a contact of whom nothing is known. `inputs` tells of each variable a caller may fill whether it must,
    `outputs` are those the caller gets. `subflows` holds the compiled sub-flows by their names; `ref` is such a flow's own name.
    `typing_ms` is how long the bot seems to write before a message.
    """

    name: str
    start: str
    nodes: Mapping[str, Node]
    variables: Mapping[str, Variable]
    fallback_text: str
    texts: Texts
    manner: Manner = HOME
    translations: Mapping[str, Translations] = field(default_factory=dict)
    triggers: Triggers = field(default_factory=Triggers)
    turn_variables: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, bool] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    subflows: Mapping[str, "Flow"] = field(default_factory=dict)
    ref: str | None = None
    typing_ms: int = 0

    def translated_to(self, language: str) -> Translations:
        """The translations for a language tag (RFC 5646): those for "de-AT", else those for "de", else none."""
        if not self.translations:
            return _NONE
        tag = language.lower()
        found = self.translations.get(tag)
        return self.translations.get(tag.partition("-")[0], _NONE) if found is None else found
