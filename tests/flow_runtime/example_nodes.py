"""Nodes that refer to things of the server, as the checks must understand them whatever node it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_runtime.inputs import Input
from flow_runtime.nodes import Port, Step, Turn


@dataclass(frozen=True, eq=False)
class ExampleNode:
    """A node that only the checks look at."""

    type: str
    refers: str
    category: str = "integrations"
    waits: frozenset[str] = frozenset()
    version: int = 1
    names: tuple[str, ...] = ("next",)
    title: str = "Example"
    upgrades: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        properties = {
            "ref": {"type": "string", "x-refers": self.refers},
            "inputs": {"type": "object"},
            "outputs": {"type": "object"},
            "items": {"type": "string", "x-expects": "list"},
            "cards": {"type": "array", "x-widget": "cards"},
            "media": {"type": "array"},
        }
        object.__setattr__(self, "schema", {"type": "object", "properties": properties, "required": ["ref"]})

    def ports(self, settings: Mapping[str, Any]) -> tuple[Port, ...]:
        return tuple(Port(name, name.capitalize()) for name in self.names)

    def enter(self, settings: Mapping[str, Any], turn: Turn) -> Step:
        return Step(go=self.names[0])

    def resume(self, settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
        return Step(go=self.names[0])


EXAMPLES = {
    node.type: node
    for node in (
        ExampleNode("use_connection", "connection"),
        ExampleNode("use_knowledge", "knowledge"),
        ExampleNode("use_agent", "agent"),
        ExampleNode("use_flow", "flow"),
        ExampleNode("use_list", "list"),
        ExampleNode("use_renamed", "list", version=2, upgrades={1: lambda settings: {"ref": settings["name"]}}),
        ExampleNode("ask_model", "connection", "ai", frozenset(("call",)), names=("next", "otherwise")),
    )
}
