"""What the chat service's routes give."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import Row


class ContactOut(msgspec.Struct):
    """Who writes."""

    id: str
    name: str | None
    language: str | None


class ConversationOut(msgspec.Struct):
    """A conversation. `found_seq`: in a search, the number of the first message that was found."""

    id: UUID
    channel_id: UUID
    flow_id: UUID
    flow_version: int
    contact: ContactOut
    status: str
    outcome: str | None
    waiting_for: str | None
    turns: int
    messages: int
    is_test: bool
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    found_seq: int | None = None

    @classmethod
    def of(cls, row: Row[Any]) -> "ConversationOut":
        """The conversation in a row of the queries."""
        contact = ContactOut(row.contact_external_id, row.contact_name, row.contact_language)
        return cls(
            row.id,
            row.channel_id,
            row.flow_id,
            row.flow_version,
            contact,
            row.status,
            row.outcome,
            row.waiting_for,
            row.turn,
            row.last_seq,
            row.is_test,
            row.started_at,
            row.updated_at,
            row.ended_at,
            getattr(row, "found_seq", None),
        )


class ConversationPage(msgspec.Struct):
    """Some conversations, and the cursor of the next ones."""

    data: list[ConversationOut]
    next: str | None


class DeliveryOut(msgspec.Struct):
    """How far a message got. `status`: pending, sending, sent, maybe (it may have arrived), dead, or dropped."""

    status: str
    error: str | None
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


class TranscriptMessage(msgspec.Struct):
    """One message of the transcript. `delivery` is there for messages of the bot in channels that are sent their messages."""

    seq: int
    turn: int
    direction: str
    body: dict[str, Any]
    at: datetime
    client_message_id: str | None
    delivery: DeliveryOut | None = None


class TranscriptPage(msgspec.Struct):
    """Some messages, and the number after which the next ones come."""

    data: list[TranscriptMessage]
    next: str | None


class NewEvent(msgspec.Struct, forbid_unknown_fields=True):
    """Something that happened elsewhere, told to a conversation."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    payload: dict[str, Any] = {}


class EventAnswer(msgspec.Struct):
    """Where an event is kept. `status`: accepted, or known for one that was here before."""

    event_id: UUID
    conversation_id: UUID
    status: str


class Health(msgspec.Struct):
    """Whether this process answers, and whether what it needs does."""

    status: str
    database: str
    redis: str
