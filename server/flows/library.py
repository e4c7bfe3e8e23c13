"""The nodes this server knows, as flows and the editor use them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Port
from node_library import NodeLibrary
from server.flows.document import Document
from server.plugins.manifest import NodeName
from server.plugins.shelf import shelf
from server.plugins.users import Use, finds_users

CATEGORY_TITLES = {
    "messages": "Messages",
    "logic": "Logic",
    "understanding": "Understanding",
    "ai": "AI",
    "integrations": "Integrations",
    "people": "People",
}


@dataclass(frozen=True, slots=True)
class Description:
    """A kind of step as the palette and the cards show it."""

    type: str
    title: str
    summary: str
    category: str


def library() -> NodeLibrary:
    """Every installed node by type, as it is now: plugins come and go while the server runs."""
    return shelf().library


def describe(kind: str) -> Description:
    """What there is to say of a node type; one that is not installed is described as missing."""
    node = library().get(kind)
    if node is None:
        return Description(kind, "Missing step", "This step comes from a plugin that is not installed.", "missing")
    return Description(node.type, node.title, node.summary, node.category)


def palette(nodes: NodeLibrary) -> list[tuple[str, list[Description]]]:
    """(title of the category, its node types) of a workspace's nodes, in the order of the palette."""
    by_category: dict[str, list[Description]] = {}
    for entry in nodes.palette():
        by_category.setdefault(entry.category, []).append(describe(entry.type))
    return [(CATEGORY_TITLES.get(category, category.capitalize()), kinds) for category, kinds in by_category.items()]


def ports_of_step(step: Mapping[str, Any]) -> Sequence[Port]:
    """The outputs of a step, `failed` included when its error handling asks for it."""
    return library().ports_of(step["type"], step["settings"], step.get("on_error", {}).get("do", "stop"))


def card_text(step: Mapping[str, Any]) -> str:
    """One line that says what the step does."""
    return library().card_text(step["type"], step["settings"])


def uses_intents(document: Document) -> bool:
    """Whether a step or a trigger of the document asks which intent a message carries."""
    if any(trigger.get("type") == "intent" for trigger in document["triggers"]):
        return True
    return any(_asks_for_intents(step["type"]) for step in document["nodes"].values())


def _asks_for_intents(kind: str) -> bool:
    node = library().get(kind)
    return node is not None and any(part.get("x-widget") == "intents" for part in node.schema.get("properties", {}).values())


@finds_users
async def published_steps(conn: AsyncConnection, tenant_id: UUID, types: Collection[str]) -> list[Use]:
    """The steps of these types in what is live, or waits to be, in the workspace."""
    rows = await conn.execute(_PUBLISHED_STEPS, {"tenant_id": tenant_id, "types": list(types)})
    return [Use(row.name, NodeName(row.type, row.version)) for row in rows]


_PUBLISHED_STEPS = text("""
    select distinct f.name, step ->> 'type' as type, coalesce((step ->> 'type_version')::int, 1) as version
    from flows f
    join flow_versions v on v.tenant_id = f.tenant_id and v.flow_id = f.id
    cross join lateral (
        select jsonb_path_query(v.document, '$.nodes.*') as step
        union all select jsonb_path_query(v.document, '$.subflows.*.nodes.*')
    ) steps
    where f.tenant_id = :tenant_id and f.deleted_at is null and v.version > 0 and v.version >= coalesce(f.published_version, 1)
    and step ->> 'type' = any(:types)
    order by f.name
""")


class _Kinds:
    """The library, as editing asks it."""

    def title(self, kind: str) -> str:
        return library()[kind].title

    def version(self, kind: str) -> int:
        return library()[kind].version

    def defaults(self, kind: str) -> dict[str, Any]:
        return library()[kind].defaults()

    def schema(self, kind: str) -> Mapping[str, Any]:
        node = library().get(kind)
        return node.schema if node else {}

    def port_names(self, step: Mapping[str, Any]) -> Sequence[str]:
        return [port.name for port in ports_of_step(step)]


KINDS = _Kinds()
