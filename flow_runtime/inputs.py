"""What may wake a waiting flow. A customer's message, an API's answer and a timer are the same sort of thing.

Each input carries the moment it was accepted (`at`, UTC) and a random `seed`: the runtime itself has no clock and no dice. What the
customer says carries `annotations`: what was found in it before the flow got it, by the name of the stage that found it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from flow_runtime.errors import InvalidInput
from flow_runtime.records import Codec, flag, many, mapping, moment, number, optional, text, whole


class _Stamped(Struct, frozen=True, kw_only=True):
    at: datetime
    seed: int = 0


class _FromCustomer(_Stamped, frozen=True, kw_only=True):
    annotations: Mapping[str, Any] | None = None


class ConversationStarted(_FromCustomer, frozen=True):
    """The customer opened the chat and has not said anything yet."""

    language: str | None = None


class Message(_FromCustomer, frozen=True):
    """The customer wrote."""

    text: str
    language: str | None = None


class Choice(_FromCustomer, frozen=True):
    """The customer picked one of the choices on offer."""

    value: str
    text: str = ""


class File(Struct, frozen=True):
    """A file of a customer: where it can be fetched, what it is, its size in bytes. `id` is the server's own, when it keeps the file."""

    url: str
    media_type: str
    name: str = ""
    size: int = 0
    id: str = ""


class Attachment(_FromCustomer, frozen=True):
    """The customer sent a file, perhaps with words and with `others` in the same message. `id` is the server's own of the file, if any."""

    url: str
    media_type: str
    name: str = ""
    size: int = 0
    text: str = ""
    id: str = ""
    others: tuple[File, ...] = ()

    @property
    def files(self) -> tuple[File, ...]:
        """Every file of the message."""
        return (File(self.url, self.media_type, self.name, self.size, self.id), *self.others)


class Location(_FromCustomer, frozen=True):
    """The customer sent a place: degrees north and east (WGS 84), and its name or address if there was one."""

    latitude: float
    longitude: float
    label: str = ""

    @property
    def text(self) -> str:
        """The place in words."""
        return self.label or f"{self.latitude:.5f}, {self.longitude:.5f}"


class CallError(Struct, frozen=True):
    """Why a call failed: a stable kind and a sentence."""

    kind: str
    message: str


class CallResult(_Stamped, frozen=True):
    """The answer to an `effects.Call` with the same id."""

    call_id: str
    ok: bool
    value: Any = None
    error: CallError | None = None


class AgentDone(_Stamped, frozen=True):
    """An agent's last word; answers the `effects.Call` of kind `agent.run` with the same id."""

    call_id: str
    ok: bool
    value: Any = None
    error: CallError | None = None


class TimerFired(_Stamped, frozen=True):
    """The time of an `effects.SetTimer` has come."""

    timer_id: str


class EventReceived(_Stamped, frozen=True):
    """Another system announced something to this conversation."""

    name: str
    payload: Mapping[str, Any] = {}


class Triggered(_Stamped, frozen=True):
    """The time of a trigger of the flow has come: a schedule, or a silence that lasted."""

    trigger_id: str
    payload: Mapping[str, Any] = {}


CustomerInput = Message | Choice | Attachment | Location
"""What comes from the customer."""

Input = ConversationStarted | Message | Choice | Attachment | Location | CallResult | AgentDone | TimerFired | EventReceived | Triggered


def _call_error(value: Any) -> CallError:
    return CallError(text(value["kind"]), text(value["message"]))


def _file(value: Any) -> File:
    return File(text(value["url"]), text(value["media_type"]), text(value["name"]), whole(value["size"]), text(value["id"]))


_CODEC: Codec[Input] = Codec(
    {
        "conversation_started": ConversationStarted,
        "message": Message,
        "choice": Choice,
        "attachment": Attachment,
        "location": Location,
        "call_result": CallResult,
        "agent_done": AgentDone,
        "timer_fired": TimerFired,
        "event_received": EventReceived,
        "triggered": Triggered,
    },
    {
        "at": moment,
        "seed": whole,
        "text": text,
        "language": optional(text),
        "value": lambda value: value,
        "url": text,
        "media_type": text,
        "name": text,
        "size": whole,
        "latitude": number,
        "longitude": number,
        "label": text,
        "call_id": text,
        "ok": flag,
        "error": optional(_call_error),
        "timer_id": text,
        "trigger_id": text,
        "payload": mapping,
        "id": text,
        "others": many(_file),
        "annotations": optional(mapping),
    },
    left_out=frozenset(("id", "others", "annotations")),
)


def input_to_json(input: Input) -> dict[str, Any]:
    """The input as plain JSON with its `kind`."""
    return _CODEC.to_json(input)


def input_from_json(data: Any) -> Input:
    """The input that `input_to_json` wrote; raises InvalidInput."""
    read = _CODEC.from_json(data)
    if isinstance(read, Choice) and not isinstance(read.value, str):
        raise InvalidInput("cannot be read: the value of a choice is text")
    if isinstance(read, Location) and not (abs(read.latitude) <= 90 and abs(read.longitude) <= 180):
        raise InvalidInput("cannot be read: a latitude is within 90 degrees, a longitude within 180")
    return read
