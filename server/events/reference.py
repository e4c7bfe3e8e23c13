"""The catalogue as a page of documentation: docs/events.md."""

import json
from collections.abc import Iterable

from server.events.declare import EventType

_HEAD = """# Events

What Chatloom notes while it works, in the transaction in which it happened. Dashboards, outgoing webhooks and event streams read them.
This page is made from the types in `server/events/types/`; `GET /api/v1/events/schemas` answers the same as JSON.

A webhook gets `{"type": ..., "timestamp": ..., "data": {...}}`; in `data` stand the event's own properties below, its `id` and `version`,
and where it happened: `conversation_id`, `flow_id`, `flow_version`, `channel_id`, as far as there is one.
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
    return f"| `{name}` | {_kind(about)} | {'yes' if required else 'no'} |\n"


def _kind(about: dict[str, object]) -> str:
    if isinstance(choices := about.get("anyOf"), list):
        return " or ".join(_kind(choice) for choice in choices)
    if isinstance(values := about.get("enum"), list):
        return " or ".join(f"`{value}`" for value in values)
    return str(about.get("type", "anything"))
