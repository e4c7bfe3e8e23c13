"""What the interpreter needs of a node, and what a node sees of the conversation.

How a folder becomes a node is node_library.contract's business.
"""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from flow_runtime.budget import Budget
from flow_runtime.conditions import holds
from flow_runtime.effects import Effect
from flow_runtime.expressions import Texts, is_template, reading
from flow_runtime.inputs import CallError, Input

_NOTHING: Mapping[str, Any] = {}
WaitKind = Literal["message", "call", "timer", "event"]
FAILED = "failed"
"""The port a node leaves by when its `on_error` says "branch"."""
DONE = "done"
"""The port a node leaves by when its sub-flow, its loop or its branches have ended."""


class Port(Struct, frozen=True):
    """A named way out of a node. A required one must be connected before the flow can be published."""

    name: str
    title: str
    required: bool = False


class Subflow(Struct, frozen=True):
    """Run the flow that the document's `subflows` holds as `ref`. `inputs` are values for its inputs; `outputs` maps an output to the
    variable that gets it. When it has ended, the node leaves by `done`.
    """

    ref: str
    inputs: Mapping[str, Any] = {}
    outputs: Mapping[str, str] = {}


class Loop(Struct, frozen=True):
    """Run the path of the step's `go` for each item, then leave by `done`. The path reads `item` and `index` (from 0).

    `item` and `index` name variables that are to hold them as well, if they are not empty.
    """

    items: Sequence[Any]
    item: str = ""
    index: str = ""


class Fork(Struct, frozen=True):
    """Run the paths of several ports side by side; when all of them or the first have ended, the node leaves by `done`."""

    ports: tuple[str, ...]
    join: Literal["all", "first"] = "all"


class Step(Struct, frozen=True):
    """What one node did: effects, variables it set, and one of these: a port to leave by, something to wait for, the end of the flow, a
    `subflow`, a `fork`, or a `jump` to another node. A `loop` comes with the port of its path.

    `memory` is what the node itself must remember while it waits. `interruptible` lets a customer's message wake a wait for something else.
    `event` names the event of a wait for one. A wait with `timeout_s` is over after so many seconds: the node is resumed with `TimerFired`.
    `error` is kept for the flow as `error.kind` and `error.message`. `understood` is False when the customer's words were no answer: the
    step then asks again, and the flow's triggers are asked first. `language` (RFC 5646) is the one the contact is spoken to in from now on.
    """

    effects: tuple[Effect, ...] = ()
    set: Mapping[str, Any] = _NOTHING
    go: str | None = None
    wait_for: WaitKind | None = None
    end: str | None = None
    memory: Mapping[str, Any] = _NOTHING
    interruptible: bool = False
    event: str | None = None
    error: CallError | None = None
    understood: bool = True
    timeout_s: float | None = None
    language: str | None = None
    subflow: Subflow | None = None
    loop: Loop | None = None
    fork: Fork | None = None
    jump: str | None = None

    def setting(self, values: Mapping[str, Any]) -> "Step":
        """The same step, setting these variables."""
        return replace(self, set=values)


class Turn:
    """What a node may see and use while it runs.

    `scope` holds every name an expression can read. `language` (RFC 5646) and `time_zone` (IANA) are the contact's, or else the flow's.
    `returning` says that the node asks again after the customer was led elsewhere; `memory` is then what it remembered. `run_id` names this
    run of the node: conversation, turn, node, visit.
    """

    __slots__ = (
        *("_budget", "_seed", "_texts", "_translations", "call_id", "language", "memory", "now", "open_message", "returning", "run_id"),
        *("scope", "taken", "time_zone"),
    )

    def __init__(
        self,
        *,
        scope: Mapping[str, Any],
        texts: Texts,
        now: datetime,
        budget: Budget | None = None,
        memory: Mapping[str, Any] | None = None,
        open_message: str | None = None,
        seed: str = "",
        call_id: str = "",
        run_id: str = "",
        language: str = "en",
        time_zone: str = "UTC",
        translations: Mapping[str, str] | None = None,
        returning: bool = False,
    ) -> None:
        self.scope = scope
        self.now = now
        self.memory: Mapping[str, Any] = memory or {}
        self.open_message = open_message
        self.call_id = call_id
        self.run_id = run_id
        self.language = language
        self.time_zone = time_zone
        self.returning = returning
        self.taken = False
        self._translations = translations
        self._texts = texts
        self._budget = budget or Budget()
        self._seed = seed

    def begin_run(self, run_id: str, open_message: str | None, memory: Mapping[str, Any], call_id: str, returning: bool) -> None:
        """The same turn for the next run of a node: what is the customer's stays, what is the run's begins anew."""
        self.run_id = run_id
        self.open_message = open_message
        self.memory = memory
        self.call_id = call_id
        self.returning = returning
        self.taken = False

    def use_seed(self, seed: str) -> None:
        """Chance comes with another input now."""
        self._seed = seed

    def move(self, texts: Texts, translations: Mapping[str, str] | None, language: str) -> None:
        """The nodes of another flow run now, or they speak another language."""
        self.language = language
        self._texts = texts
        self._translations = translations

    def render(self, text: str, also: Mapping[str, Any] | None = None) -> str:
        """The author's text in the customer's language, with its values put in. `also` holds names that are set but not stored yet."""
        if self._translations:
            text = self._translations.get(text, text)
        return self._texts.render(text, {**self.scope, **also} if also else self.scope, self._budget)

    def render_url(self, text: str) -> str:
        """The author's address with its values put in, each percent-encoded."""
        return self._texts.render_url(text, self.scope, self._budget)

    def value(self, text: Any, also: Mapping[str, Any] | None = None) -> Any:
        """The value of a setting: `{{ expression }}` alone keeps its type. `also` holds names that are set but not stored yet."""
        if not isinstance(text, str):
            return text
        return self._texts.value(text, {**self.scope, **also} if also else self.scope, self._budget)

    def holds(self, conditions: Mapping[str, Any]) -> bool:
        """Whether rows of the condition builder are true."""
        return holds(conditions, self.scope, self.value)

    def take_message(self) -> str | None:
        """What the customer said, unless this node has used it already or the bot has answered it since."""
        if self.open_message is not None:
            self.taken = True
        return self.open_message

    @property
    def random(self) -> random.Random:
        """Chance that comes with the input: the same input gives the same dice."""
        return random.Random(f"{self._seed}:{self.run_id}" if self.run_id else self._seed)


def mentions(text: str, name: str) -> bool:
    """Whether the author's text reads that name."""
    return is_template(text) and name in reading(text).names


def slug(label: str) -> str:
    """A name made from a label: "Track my order!" is "track_my_order"."""
    return re.sub(r"\W+", "_", label.casefold()).strip("_")[:60] or "choice"


class NodeType(Protocol):
    """One kind of node, as the runtime uses it."""

    def __hash__(self) -> int: ...

    @property
    def type(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def title(self) -> str: ...

    @property
    def category(self) -> str: ...

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON Schema of the settings."""

    @property
    def waits(self) -> frozenset[str]:
        """What the node may wait for: message, call, timer, event."""

    def ports(self, settings: Mapping[str, Any]) -> tuple[Port, ...]:
        """The ways out with these settings."""

    def enter(self, settings: Mapping[str, Any], turn: Turn) -> Step:
        """What the node does when the flow arrives."""

    def resume(self, settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
        """What the node does when what it waited for has come."""


Library = Mapping[str, NodeType]


def ports_with_error(kind: NodeType | None, settings: Mapping[str, Any], on_error: str) -> tuple[Port, ...]:
    """The node's ports, and `failed` when its on_error says "branch"."""
    ports = () if kind is None else kind.ports(settings)
    if on_error == "branch" and all(port.name != FAILED for port in ports):
        return (*ports, Port(FAILED, "If it fails"))
    return ports
