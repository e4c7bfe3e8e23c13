"""The catalogue of events as JSON."""

from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery

from server.events.catalogue import catalogue, versions
from server.events.declare import EventType
from server.kit.errors import not_found

READ = {"permission": "workspace:read"}


class EventSchema(msgspec.Struct):
    """A type of event; `schema` is the JSON Schema (2020-12) of its properties."""

    type: str
    version: int
    topic: str
    summary: str
    schema: dict[str, Any]
    example: dict[str, Any]

    @classmethod
    def of(cls, type: EventType) -> "EventSchema":
        """The answer about a declared type."""
        return cls(type.name, type.version, type.topic, type.summary, type.schema(), dict(type.example))


class EventSchemas(msgspec.Struct):
    """All types of event; there are few, so there is one page."""

    data: list[EventSchema]
    next: str | None = None


@get("/api/v1/events/schemas", opt=READ, tags=["operations"])
async def list_schemas() -> EventSchemas:
    """Every type of event with its schema and an example."""
    return EventSchemas([EventSchema.of(type) for type in catalogue().values()])


@get("/api/v1/events/schemas/{event_type:str}", opt=READ, tags=["operations"])
async def show_schema(event_type: FromPath[str], version: FromQuery[int | None] = None) -> EventSchema:
    """One type of event, in its latest version or in the one that is asked for."""
    known = catalogue().get(event_type) if version is None else versions().get((event_type, version))
    if known is None:
        raise not_found("type of event")
    return EventSchema.of(known)


handlers: list[Any] = [list_schemas, show_schema]
