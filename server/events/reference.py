"""The catalogue as a page of documentation: docs/events.md."""

import json
from collections.abc import Iterable

from server.events.declare import EventType

_HEAD = """# Events

What Chatloom notes while it works, in the transaction in which it happened. Dashboards, outgoing webhooks and event streams read them.
This page is made from the types in `server/events/types/`; `GET /api/v1/events/schemas` answers the same as JSON.

## How to get them

A webhook gets `{"type": ..., "timestamp": ..., "data": {...}}`; in `data` stand the event's own properties below, its `id` and `version`,
and where it happened: `conversation_id`, `flow_id`, `flow_version`, `channel_id`, as far as there is one. Webhooks are set up in the
settings of a workspace.

A program beside the server reads **Redis Streams**, one for each topic: `events:message`, `events:conversation` and so on. An entry has the
fields `tenant`, `id`, `type` and `event`, the JSON of above. `chatloom events follow --group shop` shows them as they come; a group of your
own (`XREADGROUP`) gets each entry once among all its members. A stream keeps about 20 000 entries. The log itself is in PostgreSQL: what a
Redis has lost of the last hour is told again, so an `id` may come twice.

A **Kafka** gets every event when `CHATLOOM_KAFKA` names its brokers: topics `chatloom.message`, `chatloom.conversation` and so on, the same
JSON, in order for each conversation (the key), at least once; tenant, `id`, `type` and `version` are headers.

The `id` of an event is its own for ever, whichever way it comes: whoever keeps the ids that were used does nothing twice.

## What cannot be used

An event that does not fit its schema, and one on which a reader fails (the fan-out to webhooks, Kafka), is put aside and costs itself only.
What failed is tried again after 10 s, 1 minute and 10 minutes, then waits among the dead letters, where one click replays or drops it.

## Versions

A change that an old reader would not understand is a new version of the type. The schema of the old one stays:
`GET /api/v1/events/schemas/health.changed?version=1`. Below stands the latest.
"""


def reference(types: Iterable[EventType]) -> str:
    """Markdown with one section per type."""
    return _HEAD + "".join(_section(type) for type in types)


def _section(type: EventType) -> str:
    schema = type.schema()
    rows = "".join(_row(name, about, name in schema.get("required", [])) for name, about in schema.get("properties", {}).items())
    table = f"\n| property | type | always there |\n|---|---|---|\n{rows}" if rows else "\nIt has no properties of its own.\n"
    example = json.dumps(dict(type.example), ensure_ascii=False)
    return f"\n## {type.name}\n\nVersion {type.version}. {type.summary}\n{table}\nExample: `{example}`\n"


def _row(name: str, about: dict[str, object], required: bool) -> str:
    return f"| `{name}` | {kind_of(about)} | {'yes' if required else 'no'} |\n"


def kind_of(about: dict[str, object]) -> str:
    """The kind of a property in a word or two."""
    if isinstance(choices := about.get("anyOf"), list):
        return " or ".join(kind_of(choice) for choice in choices)
    if isinstance(values := about.get("enum"), list):
        return " or ".join(f"`{value}`" for value in values)
    return str(about.get("type", "anything"))
