"""What came of one input: the new state, what is to be done in the world, and the way through the flow."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from flow_runtime.effects import Effect
from flow_runtime.frames import WaitingFor
from flow_runtime.state import State

_NOTHING: Mapping[str, Any] = {}


class Visit(Struct, frozen=True):
    """One run of one node: the port it left by, or what it waits for, the variables it set and its call, if it made one.

    `flow` is the sub-flow the node stands in, None in the flow itself; `trigger` is the trigger that led to it.
    """

    node_id: str
    port: str | None = None
    waiting_for: str | None = None
    set: Mapping[str, Any] = _NOTHING
    call_id: str | None = None
    error: Mapping[str, str] | None = None
    flow: str | None = None
    trigger: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The visit as plain JSON; what most visits have not is left out while it is empty."""
        data: dict[str, Any] = {
            "node_id": self.node_id,
            "port": self.port,
            "waiting_for": self.waiting_for,
            "set": dict(self.set),
            "call_id": self.call_id,
            "error": None if self.error is None else dict(self.error),
        }
        if self.flow is not None:
            data["flow"] = self.flow
        if self.trigger is not None:
            data["trigger"] = self.trigger
        return data


class Failure(Struct, frozen=True):
    """Why the flow stopped: the node, a stable kind and a sentence."""

    node_id: str
    kind: str
    message: str


class Outcome(Struct, frozen=True):
    """What came of one input.

    `failure` is set when an error stopped the flow; `contact_variables` were set for the contact, `bot_variables` for all conversations.
    """

    state: State
    effects: tuple[Effect, ...]
    trace: tuple[Visit, ...]
    failure: Failure | None = None
    contact_variables: Mapping[str, Any] = {}
    bot_variables: Mapping[str, Any] = {}

    @property
    def waiting_for(self) -> WaitingFor:
        return self.state.waiting_for
