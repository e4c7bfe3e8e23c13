"""The Test panel: a conversation with the draft in the real widget, and the way it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import ConversationStarted
from server.channels.open_channel import open_web_channel
from server.conversations.inbox import Contact
from server.conversations.tables import conversations
from server.conversations.token import ConversationToken, sign_token, token_key
from server.flows import draft as drafts
from server.flows.document import Document
from server.flows.publish import Snapshot, snapshot_draft
from server.flows.queries import find_training, read_version
from server.kit import clock, pages
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.kit.jobs import ring
from server.kit.secrets import Vault
from server.security.identity import Identity
from server.turns.engine import Turns
from server.turns.tables import calls, turns
from server.turns.take_turn import new_seed
from server.turns.units import Incoming

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
SHOWN_CHARACTERS = 2_000

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Path:
    """The way of a conversation through the flow."""

    visited: Sequence[str]
    edges: Sequence[str]
    current: str | None
    failed: str | None


@post("/flows/{flow_id:uuid}/test", opt=WRITE, status_code=200, include_in_schema=False)
async def begin(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    vault: NamedDependency[Vault],
    turns: NamedDependency[Turns],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Start a conversation with the draft as it is now; the answer holds the widget."""
    try:
        async with db.tenant(identity.tenant_id) as conn:
            snapshot = await snapshot_draft(conn, identity.tenant_id, flow_id)
            draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
            channel_id = await open_web_channel(conn, identity.tenant_id, flow_id, draft.document["name"])
    except Problem as problem:
        if problem.code != "flow_has_problems":
            raise
        return pages.render(request, "editor/_test_blocked.html", flow_id=flow_id, problems=problem.extra["problems"])
    await ring(redis, identity.tenant_id, *snapshot.jobs)
    if not snapshot.ready:
        return await _training(request, db, identity, flow_id, snapshot)
    answer = await turns.take(
        Incoming(
            identity.tenant_id,
            channel_id,
            flow_id,
            f"test:{uuid7()}",
            ConversationStarted(at=clock.now(), seed=new_seed()),
            contact=Contact(f"test-{uuid7().hex}", identity.name, None, {}),
            flow_version=snapshot.version,
            is_test=True,
        )
    )
    token = ConversationToken(identity.tenant_id, channel_id, answer.conversation_id, answer.contact_id)
    return pages.render(
        request,
        "editor/_test.html",
        flow_id=flow_id,
        name=draft.document["name"],
        channel_id=channel_id,
        conversation_id=answer.conversation_id,
        token=sign_token(token_key(vault), token, clock.now()),
    )


async def _training(request: AnyRequest, db: Database, identity: Identity, flow_id: UUID, snapshot: Snapshot) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        training = await find_training(conn, identity.tenant_id, flow_id, snapshot.model_hash or "")
    return pages.render(request, "editor/_test_training.html", flow_id=flow_id, training=training)


@get("/flows/{flow_id:uuid}/test/{conversation_id:uuid}/path", opt=READ, include_in_schema=False)
async def path(
    flow_id: FromPath[UUID],
    conversation_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    turn: FromQuery[int | None] = None,
) -> Path:
    """The steps and connections a conversation went through, up to one turn."""
    async with db.tenant(identity.tenant_id) as conn:
        row = await _conversation(conn, identity.tenant_id, flow_id, conversation_id)
        document = await read_version(conn, identity.tenant_id, flow_id, row.flow_version)
        return path_of(document, await _visits(conn, identity.tenant_id, conversation_id, turn))


@get("/flows/{flow_id:uuid}/test/{conversation_id:uuid}", opt=READ, include_in_schema=False)
async def inspect(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    conversation_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """What the last turn did: the path for the canvas, the variables, the calls."""
    async with db.tenant(identity.tenant_id) as conn:
        row = await _conversation(conn, identity.tenant_id, flow_id, conversation_id)
        document = await read_version(conn, identity.tenant_id, flow_id, row.flow_version)
        found = path_of(document, await _visits(conn, identity.tenant_id, conversation_id, None))
        steps, ms = await _last_turn(conn, identity.tenant_id, conversation_id, document)
        made = await _calls(conn, identity.tenant_id, conversation_id)
    variables = (row.state or {}).get("variables", {})
    return pages.render(
        request,
        "editor/_trace.html",
        path_found=found,
        steps=steps,
        ms=ms,
        calls=made,
        waiting_for=row.waiting_for,
        variables={name: _shown(value) for name, value in sorted(variables.items())},
    )


async def _conversation(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, conversation_id: UUID) -> Any:
    c = conversations.c
    query = select(c.flow_version, c.state, c.waiting_for).where(
        c.tenant_id == tenant_id, c.id == conversation_id, c.flow_id == flow_id, c.is_test
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise not_found("test conversation")
    return row


async def _visits(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, turn: int | None) -> list[Mapping[str, Any]]:
    query = select(turns.c.path).where(turns.c.tenant_id == tenant_id, turns.c.conversation_id == conversation_id).order_by(turns.c.turn)
    rows = await conn.execute(query if turn is None else query.where(turns.c.turn <= turn))
    return [visit for (visits,) in rows for visit in visits]


def path_of(document: Document, visits: Sequence[Mapping[str, Any]]) -> Path:
    """The steps, and the connections that lead from one to the next. Those of flows that the flow runs are not on the canvas."""
    visits = [visit for visit in visits if not visit.get("flow")]
    by_exit = {(edge["source"], edge["port"]): name for name, edge in document["edges"].items()}
    edges = [by_exit[visit["node_id"], visit["port"]] for visit in visits if (visit["node_id"], visit["port"]) in by_exit]
    last = visits[-1] if visits else None
    failed = last["node_id"] if last and last.get("error") and not last["port"] else None
    visited = list(dict.fromkeys(visit["node_id"] for visit in visits))
    return Path(visited, list(dict.fromkeys(edges)), last["node_id"] if last else None, failed)


async def _last_turn(
    conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, document: Document
) -> tuple[list[dict[str, Any]], float]:
    query = (
        select(turns.c.path, turns.c.ms)
        .where(turns.c.tenant_id == tenant_id, turns.c.conversation_id == conversation_id)
        .order_by(turns.c.turn.desc())
        .limit(1)
    )
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return [], 0.0
    return [_step(document, visit) for visit in row.path], float(row.ms)


def _step(document: Document, visit: Mapping[str, Any]) -> dict[str, Any]:
    step = document["nodes"].get(visit["node_id"], {})
    return {
        "node": visit["node_id"],
        "title": step.get("title", visit["node_id"]),
        "port": visit["port"],
        "waiting_for": visit.get("waiting_for"),
        "set": {name: _shown(value) for name, value in visit.get("set", {}).items()},
        "error": (visit.get("error") or {}).get("message"),
    }


async def _calls(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> list[dict[str, Any]]:
    c = calls.c
    query = select(c.kind, c.status, c.payload, c.result, c.ms).where(c.tenant_id == tenant_id, c.conversation_id == conversation_id)
    rows = await conn.execute(query.order_by(c.created_at.desc()).limit(5))
    return [
        {"kind": row.kind, "status": row.status, "ms": row.ms, "payload": _shown(row.payload), "result": _shown(row.result)} for row in rows
    ]


def _shown(value: Any) -> str:
    """A value as text, cut where it gets too long to read."""
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


handlers = [begin, path, inspect]
