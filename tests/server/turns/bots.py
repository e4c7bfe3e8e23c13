"""Published bots for tests: a few lines of flow, a workspace, a web channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from server.channels.tables import channels
from server.flows.tables import flow_versions, flows
from server.kit.db import Database
from server.kit.ids import uuid7
from server.tenants.tables import tenants

Step = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Bot:
    """Where to write to."""

    tenant_id: UUID
    flow_id: UUID
    channel_id: UUID
    version: int = 1


def flow_of(nodes: Mapping[str, Step], edges: Sequence[tuple[str, str, str]], **extra: Any) -> dict[str, Any]:
    """A flow document; the first node is the start. Edges are (source, port, target)."""
    return {
        "schema_version": 1,
        "name": "Test bot",
        "description": "",
        "languages": {"default": "en", "others": []},
        "variables": {},
        "triggers": [{"id": "start", "type": "conversation_start", "node": next(iter(nodes))}],
        "nodes": {
            name: {
                "type": kind,
                "type_version": 1,
                "title": name,
                "settings": dict(settings),
                "position": {"x": 0, "y": 0},
                "note": "",
                "on_error": {"do": "branch" if kind in ("http_request", "llm_reply") else "stop"},
            }
            for name, (kind, settings) in nodes.items()
        },
        "edges": {f"e{n}": {"source": s, "port": p, "target": t} for n, (s, p, t) in enumerate(edges)},
        "settings": {"fallback_text": "Something went wrong."},
        **extra,
    }


ECHO = flow_of(
    {
        "hello": ("send_message", {"text": "Hi {{ contact.name or 'there' }}!"}),
        "ask": ("ask_question", {"text": "What is your name?", "save_as": "name"}),
        "note": ("set_variables", {"assignments": [{"variable": "count", "value": "{{ (count or 0) + 1 }}"}]}),
        "check": (
            "branch",
            {
                "branches": [
                    {
                        "name": "bye",
                        "title": "Bye",
                        "when": {"match": "all", "rows": [{"variable": "name", "operator": "is", "value": "bye"}]},
                    }
                ]
            },
        ),
        "answer": ("send_message", {"text": "Nice to meet you, {{ name }} ({{ count }})."}),
        "end": ("end", {"text": "Goodbye!", "outcome": "completed"}),
    },
    [
        ("hello", "next", "ask"),
        ("ask", "next", "note"),
        ("note", "next", "check"),
        ("check", "bye", "end"),
        ("check", "otherwise", "answer"),
        ("answer", "next", "ask"),
    ],
    variables={"count": {"type": "number", "scope": "flow", "default": 0, "personal": False}},
)


async def make_tenant(db: Database) -> UUID:
    """An empty workspace."""
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as conn:
        await conn.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
    return tenant_id


async def publish(
    db: Database,
    document: Mapping[str, Any],
    tenant_id: UUID | None = None,
    *,
    kind: str = "web",
    settings: Mapping[str, Any] | None = None,
    origins: Sequence[str] = (),
) -> Bot:
    """A live flow with a channel."""
    tenant = tenant_id or await make_tenant(db)
    bot = Bot(tenant, uuid7(), uuid7())
    async with db.tenant(tenant) as conn:
        await conn.execute(
            insert(flows).values(tenant_id=tenant, id=bot.flow_id, name="Test bot", draft=dict(document), published_version=1)
        )
        await conn.execute(insert(flow_versions).values(tenant_id=tenant, flow_id=bot.flow_id, version=1, document=dict(document)))
        await conn.execute(
            insert(channels).values(
                tenant_id=tenant,
                id=bot.channel_id,
                kind=kind,
                name="Test",
                flow_id=bot.flow_id,
                settings=dict(settings or {}),
                allowed_origins=list(origins),
            )
        )
    return bot
