"""The chat route's words."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

MOST_CHARACTERS = 4_000
MOST_ATTRIBUTES = 50
MOST_ATTACHMENTS = 10

Key = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:+/=-]+$")]
Attribute = Annotated[str, Meta(max_length=1_000)] | int | float | bool | None


class ContactIn(Struct, forbid_unknown_fields=True):
    """Who writes. An id that begins with `user:` is for users of the site around a widget, with the `proof` that `identity` gave."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    proof: Annotated[str, Meta(max_length=2_000)] | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] | None = None
    time_zone: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] | None = None
    attributes: Annotated[dict[Annotated[str, Meta(max_length=100)], Attribute], Meta(max_length=MOST_ATTRIBUTES)] | None = None


class LocationIn(Struct, forbid_unknown_fields=True):
    """A place: degrees north and east (WGS 84), and its name or address if there is one."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    label: Annotated[str, Meta(max_length=500)] = ""


class MessageIn(Struct, forbid_unknown_fields=True):
    """What a customer says: a text, a choice, files, a location, or `start` for a chat that was opened.

    `attachments` are ids of uploads, and a text may go with them. `choice` is the value of a choice or of a card's button; `text` may go
    with it as what the customer pressed. The same `client_message_id` is the same message; an
    `Idempotency-Key` stands for it.
    """

    client_message_id: Key = ""
    channel_id: UUID | None = None
    bot: UUID | None = None
    conversation_id: UUID | None = None
    contact: ContactIn | None = None
    text: Annotated[str, Meta(max_length=MOST_CHARACTERS)] | None = None
    choice: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    attachments: Annotated[list[UUID], Meta(min_length=1, max_length=MOST_ATTACHMENTS)] | None = None
    location: LocationIn | None = None
    start: bool = False


class MessageOut(Struct):
    """One message of the transcript."""

    seq: int
    direction: str
    body: dict[str, Any]
    at: datetime
    client_message_id: str | None


class AnswerOut(Struct):
    """What the message led to. `status`: answered, working, queued, ignored or failed. `token` opens this conversation and nothing else."""

    conversation_id: UUID
    token: str
    turn: int
    status: str
    messages: list[MessageOut]
    waiting_for: str | None
    response_time_ms: float


decode_message = msgspec.json.Decoder(MessageIn).decode
encode = msgspec.json.Encoder().encode
