"""One event as it is read from the log, and as other systems get it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.events.catalogue import check


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log. `tx` and `id` are its place: readers get events in the order of (tx, id)."""

    id: int
    tx: int
    type: str
    version: int
    at: datetime
    conversation_id: UUID | None
    flow_id: UUID | None
    flow_version: int | None
    channel_id: UUID | None
    props: dict[str, Any]

    @property
    def topic(self) -> str:
        """The part of the type before the dot."""
        return self.type.partition(".")[0]


def logged(row: Any) -> Logged:
    """The event of a row of `events`; raises BadEvent when it does not fit the version of its type that it was written in."""
    check(row.type, row.props, row.version)
    where = (row.conversation_id, row.flow_id, row.flow_version, row.channel_id)
    return Logged(row.id, int(row.tx), row.type, row.version, row.at, *where, row.props)


def told(event: Logged) -> dict[str, Any]:
    """What webhooks, streams and Kafka are told of an event, in the shape that Standard Webhooks (standardwebhooks.com) proposes."""
    places = {
        "conversation_id": event.conversation_id,
        "flow_id": event.flow_id,
        "flow_version": event.flow_version,
        "channel_id": event.channel_id,
    }
    where = {name: value for name, value in places.items() if value is not None}
    # What stands around an event wins: an old version of a type had properties of these names.
    return {"type": event.type, "timestamp": event.at, "data": {**event.props, **where, "id": event.id, "version": event.version}}
