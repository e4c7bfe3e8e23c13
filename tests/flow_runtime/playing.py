"""Small flows, and what came of playing them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flow_runtime import (
    SCHEMA_VERSION,
    Call,
    CallResult,
    CancelTimer,
    Choice,
    ConversationStarted,
    Flow,
    Input,
    Library,
    Message,
    Outcome,
    Port,
    Say,
    SetTimer,
    State,
    Step,
    Turn,
    load_flow,
    resume,
    start,
)
from node_library import load_library

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS = load_library()
Edge = tuple[str, str, str]


@dataclass(eq=False)
class Scripted:
    """A node that does what the test says."""

    does: Callable[..., Step]
    type: str = "scripted"
    version: int = 1
    title: str = "Scripted"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    waits: frozenset[str] = frozenset(("message",))

    def ports(self, settings: Mapping[str, Any]) -> tuple[Port, ...]:
        return (Port("next", "Next"), Port("other", "Other"), Port("done", "Done"))

    def enter(self, settings: Mapping[str, Any], turn: Turn) -> Step:
        return self.does(turn)

    def resume(self, settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
        return self.does(turn, input)


def say(text: str) -> tuple[str, dict[str, Any]]:
    """A node that says something."""
    return "send_message", {"text": text}


def ask(text: str, name: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """A node that asks for something."""
    return "ask_question", {"text": text, "save_as": name, **more}


def document(
    nodes: Mapping[str, Sequence[Any]], edges: Sequence[Edge] = (), *, triggers: Sequence[Any] = (), **more: Any
) -> dict[str, Any]:
    """A flow document that starts at its first node. A node is its type, its settings, and whatever else it has."""
    drawn = {node_id: {"type": kind, "settings": settings, **dict(*rest)} for node_id, (kind, settings, *rest) in nodes.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "name": "Test",
        "triggers": [{"id": "start", "type": "conversation_start", "node": next(iter(nodes))}, *triggers],
        "nodes": drawn,
        "edges": {f"e{number}": {"source": source, "port": port, "target": target} for number, (source, port, target) in enumerate(edges)},
        **more,
    }


def flow_of(nodes: Mapping[str, Sequence[Any]], edges: Sequence[Edge] = (), *, library: Library = OURS, **more: Any) -> Flow:
    """The document, loaded."""
    return load_flow(document(nodes, edges, **more), library)


def scripted(does: Callable[..., Step], **more: Any) -> Flow:
    """A flow of one scripted node."""
    return flow_of({"n": ("scripted", {}, more.pop("node", {}))}, library={"scripted": Scripted(does)}, **more)


class Chat:
    """One conversation. Every state goes through JSON, as it would between turns."""

    def __init__(self, flow: Flow, **given: Any) -> None:
        self.flow = flow
        self.given = given
        self.outcome: Outcome | None = None
        self.now = AT

    @property
    def came(self) -> Outcome:
        """What came of the last input."""
        assert self.outcome is not None
        return self.outcome

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self.came.state

    @property
    def said(self) -> list[str]:
        """What the bot said to the last input."""
        return [effect.text for effect in self.came.effects if isinstance(effect, Say)]

    @property
    def calls(self) -> list[Call]:
        """What the flow asked for after the last input."""
        return [effect for effect in self.came.effects if isinstance(effect, Call)]

    @property
    def timers(self) -> list[SetTimer]:
        """The timers set after the last input."""
        return [effect for effect in self.came.effects if isinstance(effect, SetTimer)]

    @property
    def cancelled(self) -> list[str]:
        """The timers that are not needed any more after the last input."""
        return [effect.timer_id for effect in self.came.effects if isinstance(effect, CancelTimer)]

    @property
    def path(self) -> list[str]:
        """The nodes that the last input led through."""
        return [visit.node_id for visit in self.came.trace]

    def gives(self, input: Input) -> list[str]:
        """Give this input; what the bot says to it."""
        if self.outcome is None:
            self.outcome = start(self.flow, input, conversation_id="c", **self.given)
        else:
            state = State.from_json(self.outcome.state.to_json())
            assert state == self.outcome.state
            self.outcome = resume(self.flow, state, input)
        return self.said

    def opens(self) -> list[str]:
        """The customer opens the chat."""
        return self.gives(ConversationStarted(at=self.now))

    def hears(self, text: str) -> list[str]:
        """The customer writes."""
        return self.gives(Message(text, at=self.now))

    def picks(self, value: str) -> list[str]:
        """The customer presses a button."""
        return self.gives(Choice(value, at=self.now))

    def answers(self, value: Any, call: Call | None = None) -> list[str]:
        """A call, or else the last one, is answered."""
        asked = self.calls[-1] if call is None else call
        return self.gives(CallResult(asked.call_id, True, value, at=self.now))
