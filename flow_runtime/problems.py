"""A problem of a flow document, as the editor shows it, and what the checks may know beside the document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, why it matters and what to do. An error blocks publishing.

    `position` counts the characters before the fault in the text of the field, where it is known.
    """

    code: str
    severity: Severity
    node_id: str | None
    field: str | None
    message: str
    fix: str
    position: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; `position` only when it is known."""
        data: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "node_id": self.node_id,
            "field": self.field,
            "message": self.message,
            "fix": self.fix,
        }
        return data if self.position is None else {**data, "position": self.position}


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """What a channel can show, from its channel.json. None is no limit; `cards` is how many cards stand side by side, 0 for none at all.

    `buttons` is how many choices are shown as buttons before they become a list.
    """

    kind: str
    title: str
    text_characters: int | None = None
    choices: int | None = None
    choice_characters: int | None = None
    cards: int | None = None
    card_buttons: int | None = None
    media: frozenset[str] | None = None
    buttons: int | None = None


@dataclass(frozen=True, slots=True)
class FlowInterface:
    """A flow as another one calls it: its variables that are inputs (and whether they must be given) and outputs.

    `always_calls` names the flows that it calls whatever happens.
    """

    name: str
    inputs: Mapping[str, bool] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()
    always_calls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server knows beside the document. What is None is not known, and not checked.

    `intents` maps each to its number of examples; `similar_intents` are pairs whose examples the classifier could not tell apart when it
    learned them last. `connections` maps each to why it cannot be used now (empty when it can); `blocked` maps node types to why this
    workspace may not use them. `prices` is what one run of a node type costs at most, `budget` what one turn may cost, both in US dollars.
    `ref` is how flows call this one.
    """

    intents: Mapping[str, int]
    has_model: bool = True
    similar_intents: Sequence[Sequence[str]] = ()
    channels: Sequence[ChannelLimits] = ()
    connections: Mapping[str, str] | None = None
    knowledge: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    subflows: Mapping[str, FlowInterface] | None = None
    blocked: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    budget: float | None = None
    ref: str | None = None
