"""Everything a conversation must remember between turns. Plain data: to_json and back is lossless."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from msgspec import Struct

from flow_runtime.errors import InvalidState
from flow_runtime.frames import Frame, Strand, WaitingFor, frames_from_json, frames_to_json, strands_from_json, strands_to_json
from flow_runtime.inputs import AgentDone, CallResult, ConversationStarted, CustomerInput, EventReceived, Input, TimerFired, Triggered

_WAITS = frozenset(get_args(WaitingFor))


class State(Struct, frozen=True):
    """Where the conversation stands.

    `at` is the waiting node; `wait_id` the call, timer or event it waits for, `timeout_id` the timer that ends the wait. `frames` are the
    paths opened on top of the flow, the running one last; `at` is a node of the flow that runs there. `strands` are the waiting branches of
    the parallel step `at`, which goes on when all or the first of them (`join`) have ended.

    `message` is the customer's last message and `heard` how far the flow has dealt with it; `pending` is one whose intent is being found
    out, with the wait it came into. `visits` counts each node's runs in this turn and `rounds` those of loops.

    `hears` names the events and triggers from elsewhere that the flow listens to, `offers` the buttons that the waiting node shows;
    `silence` is since when the customer has been silent, which timers measure how long that lasts, and how often each trigger has spoken.

    `channel` is the kind of channel the customer writes by; a request to `callback_url` is an event for this conversation; `bot` holds the
    variables that all conversations share, as they were when this one began.
    """

    conversation_id: str
    waiting_for: WaitingFor = "ended"
    at: str | None = None
    wait_id: str | None = None
    interruptible: bool = False
    turn: int = 0
    memory: Mapping[str, Any] = {}
    variables: Mapping[str, Any] = {}
    contact: Mapping[str, Any] = {}
    message: Mapping[str, Any] | None = None
    heard: Mapping[str, Any] = {}
    error: Mapping[str, str] | None = None
    visits: Mapping[str, int] = {}
    timeout_id: str | None = None
    channel: str | None = None
    callback_url: str | None = None
    bot: Mapping[str, Any] = {}
    frames: tuple[Frame, ...] = ()
    strands: tuple[Strand, ...] = ()
    join: str = ""
    rounds: int = 0
    pending: Mapping[str, Any] = {}
    hears: Mapping[str, Any] = {}
    offers: tuple[str, ...] = ()
    silence: Mapping[str, Any] = {}

    def accepts(self, input: Input) -> bool:
        """Whether `resume` would take this input now. What is not taken now has to wait for its turn, or comes too late."""
        if isinstance(input, CustomerInput):
            return self.interruptible or self.waiting_for in ("message", "ended")
        if isinstance(input, ConversationStarted):
            return self.waiting_for == "ended"
        if isinstance(input, (CallResult, AgentDone)):
            return input.call_id in self.open_calls
        if isinstance(input, TimerFired):
            return input.timer_id in self.open_timers
        if isinstance(input, EventReceived):
            return input.name in self.awaited_events or (self._is_open and input.name in self.hears.get("events", ()))
        return isinstance(input, Triggered) and self._is_open and input.trigger_id in self.hears.get("triggers", ())

    @property
    def _is_open(self) -> bool:
        """Whether a trigger may lead elsewhere now."""
        return self.waiting_for != "call" and not self.strands

    @property
    def waits(self) -> tuple[Strand, ...]:
        """What is waited for: one thing, or what each branch of a parallel step waits for."""
        if self.strands or self.waiting_for == "ended":
            return self.strands
        return (Strand(self.at or "", self.waiting_for, self.wait_id, self.memory, self.interruptible, self.timeout_id),)

    @property
    def open_calls(self) -> tuple[str, ...]:
        """The ids of the calls whose results are waited for."""
        return tuple(wait.wait_id for wait in self.waits if wait.waiting_for == "call" and wait.wait_id)

    @property
    def open_timers(self) -> tuple[str, ...]:
        """The ids of the timers that may still fire."""
        return (*(timer_id for wait in self.waits for timer_id in wait.timers), *self.silence.get("timers", ()))

    @property
    def awaited_events(self) -> tuple[str, ...]:
        """The names of the events that nodes wait for."""
        return tuple(wait.wait_id for wait in self.waits if wait.waiting_for == "event" and wait.wait_id)

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON. What most conversations never use is left out while it is empty."""
        data = {name: getattr(self, name) for name in _ALWAYS}
        for name in _LEFT_OUT:
            if value := getattr(self, name):
                data[name] = _WRITERS[name](value) if name in _WRITERS else value
        return data

    @classmethod
    def from_json(cls, data: Any) -> "State":
        """The state that `to_json` wrote; raises InvalidState."""
        try:
            state = cls(**{name: _READERS[name](value) if name in _READERS else value for name, value in data.items()})
        except (TypeError, AttributeError) as error:
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
    "frames": tuple,
    "strands": tuple,
    "join": str,
    "rounds": int,
    "pending": dict,
    "hears": dict,
    "offers": tuple,
    "silence": dict,
}
_ALWAYS = tuple(_KINDS)[:13]
_LEFT_OUT = tuple(_KINDS)[13:]
_READERS: Mapping[str, Callable[[Any], Any]] = {"frames": frames_from_json, "strands": strands_from_json, "offers": tuple}
_WRITERS: Mapping[str, Callable[[Any], Any]] = {"frames": frames_to_json, "strands": strands_to_json, "offers": list}
