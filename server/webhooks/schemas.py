"""What the JSON routes of this room take and give."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

Name = Annotated[str, msgspec.Meta(max_length=80)]
Address = Annotated[str, msgspec.Meta(max_length=500)]
PerSecond = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
EventName = Annotated[str, msgspec.Meta(max_length=80)]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """Who shall be told, and of which types of event: an empty list means all of them.

    It is sent `per_second` messages a second at most, without it as many as there are.
    """

    name: Name
    url: Address
    event_types: list[EventName] = []
    per_second: PerSecond | None = None


class WebhookView(msgspec.Struct):
    """A webhook. `trouble` says why it was switched off by itself."""

    id: UUID
    name: str
    url: str
    event_types: list[str]
    per_second: int | None
    enabled: bool
    trouble: str | None
    paused_until: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "WebhookView":
        """The view of a row."""
        wanted = (row.name, row.url, list(row.event_types), row.per_second)
        return cls(row.id, *wanted, row.enabled, row.trouble, row.paused_until, row.created_at)


class OpenedWebhook(msgspec.Struct):
    """A new webhook, or one with a new secret: the only time that the secret is shown."""

    webhook: WebhookView
    secret: str


class WebhookList(msgspec.Struct):
    """All webhooks; there are few, so there is one page."""

    data: list[WebhookView]
    next: str | None = None


class Switch(msgspec.Struct, forbid_unknown_fields=True):
    """On or off."""

    enabled: bool


class AttemptView(msgspec.Struct):
    """One attempt: `status` is the answer's HTTP status, `error` why there was none, `answer` how the answer began."""

    attempt: int
    at: datetime
    ms: int
    status: int | None
    error: str | None
    answer: str | None


class DeliveryView(msgspec.Struct):
    """One event on its way to one webhook. `status` is pending, done or dead; `due_at` is when it is tried next."""

    id: UUID
    type: str
    status: str
    attempts: int
    created_at: datetime
    due_at: datetime | None
    body: dict[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> "DeliveryView":
        """The view of a row."""
        due_at = row.due_at if row.status == "pending" else None
        return cls(row.id, row.type, row.status, row.attempts, row.created_at, due_at, row.body)


class DeliveryPage(msgspec.Struct):
    """Some deliveries, the newest first, and the cursor of the next ones."""

    data: list[DeliveryView]
    next: str | None = None


class AttemptList(msgspec.Struct):
    """The attempts of a delivery, in order; there are few, so there is one page."""

    data: list[AttemptView]
    next: str | None = None


class Accepted(msgspec.Struct):
    """What is sent soon."""

    delivery_id: UUID
