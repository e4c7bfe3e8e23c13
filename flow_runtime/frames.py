"""Paths that were opened on top of another: a sub-flow, a digression that a trigger led into, the body of a loop.

A frame says what happens when its path ends. The last frame of the stack is the running one; without frames the flow itself runs.
A strand is a branch of a parallel step that waits for something, with the frames it has opened itself.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from msgspec import Struct

from flow_runtime.errors import InvalidInput, InvalidState
from flow_runtime.records import Codec, flag, mapping, optional, text, whole

WaitingFor = Literal["message", "call", "timer", "event", "ended"]


class SubflowFrame(Struct, frozen=True):
    """Runs the sub-flow `ref` with variables of its own. At its end the node `at` gets the `outputs` and leaves by `done`."""

    at: str
    ref: str
    variables: Mapping[str, Any] = {}
    outputs: Mapping[str, str] = {}

    @property
    def remembered(self) -> Any:
        """What counts for the size of the state."""
        return self.variables


class DigressionFrame(Struct, frozen=True):
    """Runs the path of a trigger in the flow itself. At its end the interrupted node `at` runs again with its `memory`."""

    at: str
    trigger: str
    memory: Mapping[str, Any] = {}

    @property
    def remembered(self) -> Any:
        """What counts for the size of the state."""
        return self.memory


class LoopFrame(Struct, frozen=True):
    """Runs the path of the node's `port` for one item after the other. At the last one's end the node leaves by `done`.

    `item` and `index` name the variables that hold the item and its number as well; empty names hold nothing.
    """

    at: str
    port: str
    items: tuple[Any, ...]
    position: int = 0
    item: str = ""
    index: str = ""

    @property
    def remembered(self) -> Any:
        """What counts for the size of the state."""
        return self.items


Frame = SubflowFrame | DigressionFrame | LoopFrame

_FRAMES: Codec[Frame] = Codec(
    {"subflow": SubflowFrame, "digression": DigressionFrame, "loop": LoopFrame},
    {
        "at": text,
        "ref": text,
        "variables": mapping,
        "outputs": mapping,
        "trigger": text,
        "memory": mapping,
        "port": text,
        "items": tuple,
        "position": whole,
        "item": text,
        "index": text,
    },
)


class Strand(Struct, frozen=True):
    """A path that waits: at which node and for what, as in `State`, and the frames opened on it."""

    at: str
    waiting_for: WaitingFor
    wait_id: str | None = None
    memory: Mapping[str, Any] = {}
    interruptible: bool = False
    timeout_id: str | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def timers(self) -> tuple[str, ...]:
        """The timers that are of no use when the path does not wait any more."""
        waited = self.wait_id if self.waiting_for == "timer" else None
        return tuple(timer_id for timer_id in (waited, self.timeout_id) if timer_id is not None)


def _waiting_for(value: Any) -> Any:
    if value not in get_args(WaitingFor):
        raise ValueError("nothing waits for that")
    return value


_STRANDS: Codec[Strand] = Codec(
    {"strand": Strand},
    {
        "at": text,
        "waiting_for": _waiting_for,
        "wait_id": optional(text),
        "memory": mapping,
        "interruptible": flag,
        "timeout_id": optional(text),
        "frames": lambda value: frames_from_json(value),
    },
)


def frames_to_json(frames: tuple[Frame, ...]) -> list[dict[str, Any]]:
    """The frames as plain JSON."""
    return [_FRAMES.to_json(frame) for frame in frames]


def frames_from_json(data: Any) -> tuple[Frame, ...]:
    """The frames that `frames_to_json` wrote; raises InvalidState."""
    return _read(_FRAMES, data)


def strands_to_json(strands: tuple[Strand, ...]) -> list[dict[str, Any]]:
    """The strands as plain JSON."""
    return [{**_STRANDS.to_json(strand), "frames": frames_to_json(strand.frames)} for strand in strands]


def strands_from_json(data: Any) -> tuple[Strand, ...]:
    """The strands that `strands_to_json` wrote; raises InvalidState."""
    return _read(_STRANDS, data)


def _read(codec: Codec[Any], data: Any) -> tuple[Any, ...]:
    try:
        if not isinstance(data, (list, tuple)):
            raise InvalidInput("cannot be read: a list expected")
        return tuple(codec.from_json(entry) for entry in data)
    except InvalidInput as error:
        raise InvalidState(f"The stored state {error}") from None
