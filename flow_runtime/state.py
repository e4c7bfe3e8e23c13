"""Everything a conversation must remember between turns. Plain data: to_json and back is lossless."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from flow_runtime.errors import InvalidState
from flow_runtime.inputs import AgentDone, CallResult, ConversationStarted, CustomerInput, EventReceived, Input, TimerFired

WaitingFor = Literal["message", "call", "timer", "event", "ended"]
_WAITS = frozenset(get_args(WaitingFor))


@dataclass(frozen=True, slots=True)
class State:
    """Where the conversation stands. `at` is the waiting node; `wait_id` the call, timer or event it waits for, `timeout_id` the timer
    that ends the wait.

    `message` is the customer's last message and `heard` how far the flow has dealt with it; `visits` counts each node's runs in this turn.
    `channel` is the kind of channel the customer writes by; a request to `callback_url` is an event for this conversation; `bot` holds the
    variables that all conversations share, as they were when this one began.
    """

    conversation_id: str
    waiting_for: WaitingFor = "ended"
    at: str | None = None
    wait_id: str | None = None
    interruptible: bool = False
    turn: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    contact: Mapping[str, Any] = field(default_factory=dict)
    message: Mapping[str, Any] | None = None
    heard: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    visits: Mapping[str, int] = field(default_factory=dict)
    timeout_id: str | None = None
    channel: str | None = None
    callback_url: str | None = None
    bot: Mapping[str, Any] = field(default_factory=dict)

    def accepts(self, input: Input) -> bool:
        """Whether `resume` would take this input now. A message that is not taken has to wait for its turn."""
        if isinstance(input, CustomerInput):
            return self.interruptible or self.waiting_for in ("message", "ended")
        if isinstance(input, ConversationStarted):
            return self.waiting_for == "ended"
        if isinstance(input, CallResult | AgentDone):
            return self.waiting_for == "call" and input.call_id == self.wait_id
        if isinstance(input, TimerFired):
            return input.timer_id == self.timeout_id or (self.waiting_for == "timer" and input.timer_id == self.wait_id)
        return isinstance(input, EventReceived) and self.waiting_for == "event" and input.name == self.wait_id

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON. What most conversations never use is left out while it is empty."""
        data = {name: getattr(self, name) for name in _ALWAYS}
        for name in _LEFT_OUT:
            if value := getattr(self, name):
                data[name] = value
        return data

    @classmethod
    def from_json(cls, data: Any) -> "State":
        """The state that `to_json` wrote; raises InvalidState."""
        try:
            state = cls(**data)
        except TypeError as error:
            raise InvalidState(f"The stored state cannot be read: {error}") from None
        wrong = [name for name, kind in _KINDS.items() if not isinstance(getattr(state, name), kind)]
        if wrong or state.waiting_for not in _WAITS:
            raise InvalidState(f"The stored state cannot be read: {', '.join(wrong) or 'waiting_for'}")
        return state


_KINDS: dict[str, Any] = {
    "conversation_id": str,
    "waiting_for": str,
    "at": str | None,
    "wait_id": str | None,
    "interruptible": bool,
    "turn": int,
    "memory": dict,
    "variables": dict,
    "contact": dict,
    "message": dict | None,
    "heard": dict,
    "error": dict | None,
    "visits": dict,
    "timeout_id": str | None,
    "channel": str | None,
    "callback_url": str | None,
    "bot": dict,
}
_LEFT_OUT = ("timeout_id", "channel", "callback_url", "bot")
_ALWAYS = tuple(name for name in _KINDS if name not in _LEFT_OUT)
