"""A flow ready to run: compiled once, immutable, shared by all its conversations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flow_runtime.expressions import Texts
from flow_runtime.nodes import NodeType, Port

DEFAULT_FALLBACK = "Sorry, something went wrong on our side. Please try again."
BUILT_IN_NAMES = frozenset(("message", "contact", "conversation", "error", "now"))
LASTING_SCOPES = frozenset(("conversation", "contact"))


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

    `exits` maps a port to the next node's id; `sets` names the variables the node may set.
    """

    id: str
    kind: NodeType
    title: str
    settings: Mapping[str, Any]
    ports: tuple[Port, ...]
    exits: Mapping[str, str]
    sets: tuple[str, ...]
    on_error: str
    error_value: Any


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow document after load_flow."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    variables: Mapping[str, Variable]
    fallback_text: str
    texts: Texts
