"""One turn of one conversation, without any input or output: what the runtime makes of an input, as rows to be written."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from flow_runtime import (
    Attachment,
    Button,
    Call,
    CallResult,
    Card,
    Choice,
    End,
    File,
    Flow,
    HandOff,
    Input,
    Location,
    Message,
    Outcome,
    Say,
    State,
    resume,
    start,
)
from server.kit import clock
from server.turns.kinds import is_quick

MOST_QUICK_CALLS = 20
TIME_ZONE = "time_zone"

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Person:
    """The customer of a conversation, as stored. `known` is what an earlier conversation was told of them, when it is run again."""

    id: UUID
    external_id: str
    name: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] | None = None

    def for_flow(self) -> dict[str, Any]:
        """What a flow may read of them."""
        if self.known is not None:
            return dict(self.known)
        known = {"id": str(self.id), "name": self.name, "language": self.language, "attributes": self.attributes}
        time_zone = self.attributes.get(TIME_ZONE)
        return {**known, "time_zone": time_zone} if isinstance(time_zone, str) and time_zone else known


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it stands before a turn. `state` is None before the first; `stored` is False while it has no row.

    `channel` is the kind of channel, `callback_url` the address for events, where the flow uses it. `bot` is what the variables of the
    whole bot hold now; None for a flow that has none. `quiet` are the flow's settings, where it has quiet hours.
    """

    id: UUID
    channel_id: UUID
    flow_id: UUID
    flow_version: int
    contact: Person
    is_test: bool = False
    status: str = "open"
    state: State | None = None
    state_version: int = 0
    lease_no: int = 0
    turn: int = 0
    last_seq: int = 0
    waiting_for: str | None = None
    ended_at: datetime | None = None
    stored: bool = True
    channel: str | None = None
    callback_url: str | None = None
    bot: Mapping[str, Any] | None = None
    quiet: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a turn: the inputs it used (the given one, then answers of quick calls), and the runtime's outcomes."""

    conversation: Conversation
    flow_version: int
    inputs: tuple[Input, ...]
    outcomes: tuple[Outcome, ...]
    ms: float
    at: datetime

    @property
    def state(self) -> State:
        """The state after the turn."""
        return self.outcomes[-1].state

    @property
    def effects(self) -> list[Any]:
        """Everything the flow asked for, in order."""
        return [effect for outcome in self.outcomes for effect in outcome.effects]

    @property
    def attributes(self) -> dict[str, Any]:
        """The contact's attributes after the turn."""
        learned: dict[str, Any] = {}
        for outcome in self.outcomes:
            learned.update(outcome.contact_variables)
        return {**self.conversation.contact.attributes, **learned}

    @property
    def visits(self) -> list[Any]:
        """Every node that ran, in order."""
        return [visit for outcome in self.outcomes for visit in outcome.trace]

    @property
    def waiting_call(self) -> Call | None:
        """The call the conversation waits for now, if it waits for one."""
        last = self.outcomes[-1]
        return (
            next((e for e in last.effects if isinstance(e, Call) and e.call_id == last.state.wait_id), None)
            if last.waiting_for == "call"
            else None
        )


Answer = Callable[[Call], CallResult]


def take_turn(flow: Flow, flow_version: int, conversation: Conversation, given: Input, answer: Answer) -> Taken:
    """Run the flow from `given` until it waits for something that is not quick; `answer` does the quick calls. Raises NotExpected."""
    began = time.perf_counter()
    inputs: list[Input] = [given]
    outcomes = [_first(flow, conversation, given)]
    while (call := _quick_call(outcomes)) and len(inputs) <= MOST_QUICK_CALLS:
        result = answer(call)
        inputs.append(result)
        outcomes.append(resume(flow, outcomes[-1].state, result))
    ms = (time.perf_counter() - began) * 1000
    return Taken(conversation, flow_version, tuple(inputs), tuple(outcomes), ms, clock.now())


def again(flow: Flow, conversation: Conversation, inputs: tuple[Input, ...]) -> tuple[Outcome, ...]:
    """The same turn from its stored inputs."""
    outcomes = [_first(flow, conversation, inputs[0])]
    for given in inputs[1:]:
        outcomes.append(resume(flow, outcomes[-1].state, given))
    return tuple(outcomes)


def _first(flow: Flow, conversation: Conversation, given: Input) -> Outcome:
    if conversation.state is None:
        return start(
            flow,
            given,
            conversation_id=str(conversation.id),
            contact=conversation.contact.for_flow(),
            channel=conversation.channel,
            callback_url=conversation.callback_url,
            bot=conversation.bot,
        )
    state = conversation.state
    return resume(flow, state if conversation.bot is None else with_bot_variables(flow, state, conversation.bot), given)


def with_bot_variables(flow: Flow, state: State, held: Mapping[str, Any]) -> State:
    """The state with what the variables of the whole bot hold now: other conversations may have set them meanwhile."""
    now = {name: held[name] for name in bot_variables_of(flow) if name in held}
    return msgspec.structs.replace(state, bot=held, variables={**state.variables, **now})


def bot_variables_of(flow: Flow) -> set[str]:
    """The variables of the whole bot that the flow or one of its sub-flows declares."""
    flows = (flow, *flow.subflows.values())
    return {name for one in flows for name, variable in one.variables.items() if variable.scope == "bot"}


def _quick_call(outcomes: Sequence[Outcome]) -> Call | None:
    """The first quick call that is open after these outcomes."""
    if outcomes[-1].waiting_for != "call":
        return None
    waiting = outcomes[-1].state.open_calls
    calls = (effect for outcome in outcomes for effect in outcome.effects if isinstance(effect, Call))
    return next((call for call in calls if call.call_id in waiting and is_quick(call.kind)), None)


def digest(state: State) -> str:
    """A short proof of a state: equal states have equal digests."""
    return digest_of(encode(state.to_json()))


def digest_of(state: bytes) -> str:
    """The same of a state's JSON in its one form."""
    return hashlib.blake2b(state, digest_size=16).hexdigest()


def encode(value: Any) -> bytes:
    """JSON in one fixed form, so that equal values are equal bytes."""
    return _encoder.encode(value)


def new_seed() -> int:
    """A seed for an input's chance."""
    return secrets.randbits(48)


def body_of_input(given: Input) -> dict[str, Any] | None:
    """The transcript's form of what the customer said; None for inputs that are not words."""
    if isinstance(given, Message):
        return {"type": "text", "text": given.text}
    if isinstance(given, Choice):
        return {"type": "choice", "value": given.value, "text": given.text or given.value}
    if isinstance(given, Location):
        return {"type": "location", "latitude": given.latitude, "longitude": given.longitude, "text": given.text}
    if isinstance(given, Attachment):
        first, *others = [_file(file) for file in given.files]
        body = {"type": "attachment", "file": first, "text": given.text or given.name}
        return {**body, "others": others} if others else body
    return None


def _file(file: File) -> dict[str, Any]:
    """What there is of a file; its id where the server keeps it."""
    known = {"url": file.url, "media_type": file.media_type, "name": file.name, "size": file.size}
    return {**known, "id": file.id} if file.id else known


def body_of_say(say: Say) -> dict[str, Any]:
    """The transcript's form of what the bot said."""
    body: dict[str, Any] = {"type": "text", "text": say.text}
    if say.choices:
        body["choices"] = [{"value": option.value, "label": option.label} for option in say.choices]
    if say.media:
        body["media"] = [{"kind": media.kind, "url": media.url, "alt": media.alt} for media in say.media]
    if say.call_id is not None:
        body["call_id"] = say.call_id
    if say.cards:
        body["cards"] = [_card(card) for card in say.cards]
    if say.asks is not None:
        body |= {"asks": say.asks, "asks_about": say.asks_about}
    if say.typing_ms:
        body["typing_ms"] = say.typing_ms
    if say.template is not None:
        body["template"] = say.template
    return body


def _card(card: Card) -> dict[str, Any]:
    """What there is of a card."""
    words = {"title": card.title, "text": card.text, "image_url": card.image_url, "alt": card.alt}
    return {name: text for name, text in words.items() if text} | {"buttons": [_button(button) for button in card.buttons]}


def _button(button: Button) -> dict[str, str]:
    return {"label": button.label, "url": button.url} if button.url else {"label": button.label, "value": button.value or button.label}


def outcome_of(taken: Taken) -> str | None:
    """How the conversation ended, if it did: with a person, with what the customer came for, or without."""
    if any(isinstance(effect, HandOff) for effect in taken.effects):
        return "handed_off"
    if taken.outcomes[-1].waiting_for != "ended":
        return None
    helped = all(effect.reason == "completed" for effect in taken.effects if isinstance(effect, End))
    return "contained" if helped else "unresolved"
