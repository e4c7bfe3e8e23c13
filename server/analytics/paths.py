"""How the turns of a conversation went through the flow, as the events tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.library import library, ports_of_step
from server.flows.tables import flow_versions
from server.kit.tables import events

BESIDE = ("intent.classified", "call.finished", "model.used")
Visit = Sequence[Any]
Nodes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PathStep:
    """One node on the path; `way` is the output it was left by, where there was a choice."""

    node_id: str
    title: str
    type: str
    way: str


@dataclass(frozen=True, slots=True)
class TurnPath:
    """How one turn went through the flow, with what else it recorded: intents, calls, model use."""

    turn: int
    ms: float
    at: datetime
    steps: list[PathStep]
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


async def paths(connection: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> list[TurnPath]:
    """The path of each turn in order."""
    recorded = (
        select(events.c.type, events.c.props, events.c.at, events.c.flow_id, events.c.flow_version)
        .where(events.c.tenant_id == tenant_id, events.c.conversation_id == conversation_id)
        .order_by(events.c.tx, events.c.id)
    )
    found: list[TurnPath] = []
    beside: list[tuple[str, dict[str, Any]]] = []
    documents: dict[int, Nodes] = {}
    for row in (await connection.execute(recorded)).all():
        if row.type in BESIDE:
            beside.append((row.type, row.props))
        if row.type == "turn.taken":
            if row.flow_version not in documents:
                documents[row.flow_version] = await _nodes(connection, tenant_id, row.flow_id, row.flow_version)
            steps = steps_of(documents[row.flow_version], row.props.get("path", []))
            found.append(TurnPath(int(row.props["turn"]), float(row.props["ms"]), row.at, steps, beside))
            beside = []
    return found


def steps_of(nodes: Nodes, visits: Sequence[Visit]) -> list[PathStep]:
    """The visits of a turn as steps; a node that waited and went on in the same turn is one step."""
    following = [*visits[1:], None]
    return [
        _step(nodes.get(visit[0], {}), *visit[:2])
        for visit, after in zip(visits, following, strict=True)
        if after is None or visit[1] is not None or visit[0] != after[0]
    ]


async def _nodes(connection: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int) -> Nodes:
    query = select(flow_versions.c.document["nodes"]).where(
        flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version == version
    )
    nodes: Nodes = (await connection.execute(query)).scalar_one_or_none() or {}
    return nodes


def _step(node: Mapping[str, Any], node_id: str, port: str | None) -> PathStep:
    return PathStep(node_id, node.get("title") or node_id, node.get("type", ""), _way(node, port))


def _way(node: Mapping[str, Any], port: str | None) -> str:
    if port is None or library().get(node.get("type", "")) is None:
        return port or ""
    ports = ports_of_step(node)
    return "" if len(ports) == 1 else next((one.title for one in ports if one.name == port), port)
