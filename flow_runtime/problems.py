"""A problem of a flow document, as the editor shows it, and what the checks may know beside the document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, why it matters and what to do. An error blocks publishing."""

    code: str
    severity: Severity
    node_id: str | None
    field: str | None
    message: str
    fix: str

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "node_id": self.node_id,
            "field": self.field,
            "message": self.message,
            "fix": self.fix,
        }


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the server knows beside the document: the flow's intents with their example counts, and whether a model is set up.

    `similar_intents` are pairs whose examples the classifier could not tell apart when it learned them last.
    """

    intents: Mapping[str, int]
    has_model: bool = True
    similar_intents: Sequence[Sequence[str]] = ()
