"""What a flow asks of the world. The runtime only describes it; the server does it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from flow_runtime.records import Codec, many, mapping, moment, number, optional, text, whole


class Option(Struct, frozen=True):
    """One choice on offer: what the flow gets and what the customer reads."""

    value: str
    label: str


class Media(Struct, frozen=True):
    """A picture, sound, film or file shown with a message."""

    kind: str
    url: str
    alt: str = ""


class Button(Struct, frozen=True):
    """A button of a card: `value` answers like a choice, `url` opens a page. One of them is set."""

    label: str
    value: str | None = None
    url: str | None = None


class Card(Struct, frozen=True):
    """A picture with a title, words and buttons. A card of nothing but buttons is a row of buttons under the message."""

    title: str = ""
    text: str = ""
    image_url: str = ""
    alt: str = ""
    buttons: tuple[Button, ...] = ()


class Say(Struct, frozen=True):
    """One message to the customer. `call_id` names the model call whose text was streamed, if there was one.

    Several cards are a carousel. `asks` says what kind of answer is wanted when it is not words: "file", "location", "rating" or "date";
    `asks_about` holds its details, such as `accept` and `max_mb` of a file or `scale` of a rating. `typing_ms` is how long the bot seems to
    write first. `template` is a message that the channel's owner had approved: name, language, parameters.
    """

    text: str
    choices: tuple[Option, ...] = ()
    media: tuple[Media, ...] = ()
    call_id: str | None = None
    cards: tuple[Card, ...] = ()
    asks: str | None = None
    asks_about: Mapping[str, Any] = {}
    typing_ms: int = 0
    template: Mapping[str, Any] | None = None

    @property
    def characters(self) -> int:
        """How much the customer is given to read: the text and what stands on the cards."""
        return len(self.text) if not self.cards else len(self.text) + sum(len(card.title) + len(card.text) for card in self.cards)


class Call(Struct, frozen=True):
    """Outside work. The answer comes back as `inputs.CallResult` with the same id, which is the idempotency key all the way out.

    `timeout_s` is for one try. A try that fails is made again up to `retry_times` times, `retry_pause_s` seconds apart. A node leaves the
    id and the retries empty: the interpreter fills them in.
    """

    kind: str
    payload: Mapping[str, Any] = {}
    timeout_s: float = 30.0
    call_id: str = ""
    retry_times: int = 0
    retry_pause_s: float = 0.0


class SetTimer(Struct, frozen=True):
    """Wake the flow at that moment with `inputs.TimerFired` of the same id."""

    due_at: datetime
    timer_id: str = ""


class CancelTimer(Struct, frozen=True):
    """The timer is not needed any more."""

    timer_id: str


class HandOff(Struct, frozen=True):
    """A person takes over."""

    reason: str = ""
    queue: str | None = None


class Track(Struct, frozen=True):
    """Something analysts count."""

    name: str
    props: Mapping[str, Any] = {}


class End(Struct, frozen=True):
    """The flow is over; a new message starts it again."""

    reason: str = "completed"


Effect = Say | Call | SetTimer | CancelTimer | HandOff | Track | End


def _option(value: Any) -> Option:
    return Option(text(value["value"]), text(value["label"]))


def _media(value: Any) -> Media:
    return Media(text(value["kind"]), text(value["url"]), text(value.get("alt", "")))


def _button(value: Any) -> Button:
    return Button(text(value["label"]), optional(text)(value.get("value")), optional(text)(value.get("url")))


def _card(value: Any) -> Card:
    title, words, image_url, alt = (text(value.get(name, "")) for name in ("title", "text", "image_url", "alt"))
    return Card(title, words, image_url, alt, many(_button)(value.get("buttons", ())))


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
        "cards": many(_card),
        "asks": optional(text),
        "asks_about": mapping,
        "typing_ms": whole,
        "template": optional(mapping),
        "kind": text,
        "payload": mapping,
        "props": mapping,
        "timeout_s": number,
        "retry_times": whole,
        "retry_pause_s": number,
        "timer_id": text,
        "due_at": moment,
        "reason": text,
        "name": text,
        "call_id": optional(text),
        "queue": optional(text),
    },
    renamed={"kind": "call_kind"},
    left_out=frozenset(("cards", "asks", "asks_about", "typing_ms", "template", "retry_times", "retry_pause_s")),
)


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """The effect as plain JSON with its `kind`; the kind of a Call stands under `call_kind`."""
    return _CODEC.to_json(effect)


def effect_from_json(data: Any) -> Effect:
    """The effect that `effect_to_json` wrote; raises InvalidInput."""
    return _CODEC.from_json(data)
