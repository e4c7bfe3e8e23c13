"""What a flow asks of the world. The runtime only describes it; the server does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flow_runtime.records import Codec, many, mapping, moment, number, optional, text


@dataclass(frozen=True, slots=True)
class Option:
    """One choice on offer: what the flow gets and what the customer reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, sound, film or file shown with a message."""

    kind: str
    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Say:
    """One message to the customer. `call_id` names the model call whose text was streamed, if there was one."""

    text: str
    choices: tuple[Option, ...] = ()
    media: tuple[Media, ...] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Outside work. The answer comes back as `inputs.CallResult` with the same id, which is the idempotency key all the way out."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float = 30.0
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Wake the flow at that moment with `inputs.TimerFired` of the same id."""

    due_at: datetime
    timer_id: str = ""


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer is not needed any more."""

    timer_id: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """A person takes over."""

    reason: str = ""
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Track:
    """Something analysts count."""

    name: str
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """The flow is over; a new message starts it again."""

    reason: str = "completed"


Effect = Say | Call | SetTimer | CancelTimer | HandOff | Track | End


def _option(value: Any) -> Option:
    return Option(text(value["value"]), text(value["label"]))


def _media(value: Any) -> Media:
    return Media(text(value["kind"]), text(value["url"]), text(value.get("alt", "")))


_CODEC: Codec[Effect] = Codec(
    {
        "say": Say,
        "call": Call,
        "set_timer": SetTimer,
        "cancel_timer": CancelTimer,
        "hand_off": HandOff,
        "track": Track,
        "end": End,
    },
    {
        "text": text,
        "choices": many(_option),
        "media": many(_media),
        "kind": text,
        "payload": mapping,
        "props": mapping,
        "timeout_s": number,
        "timer_id": text,
        "due_at": moment,
        "reason": text,
        "name": text,
        "call_id": optional(text),
        "queue": optional(text),
    },
    renamed={"kind": "call_kind"},
)


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """The effect as plain JSON with its `kind`; the kind of a Call stands under `call_kind`."""
    return _CODEC.to_json(effect)


def effect_from_json(data: Any) -> Effect:
    """The effect that `effect_to_json` wrote; raises InvalidInput."""
    return _CODEC.from_json(data)
