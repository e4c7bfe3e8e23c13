"""Flows that run other flows: their live versions are frozen into a version, so that nothing changes under its conversations."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem
from flow_runtime.settings import complete, walk
from flow_runtime.upgrades import upgraded
from server.flows.document import Document
from server.flows.library import library
from server.flows.tables import flow_versions, flows

MOST = 100
_FIX = "Choose another flow in the step, or publish the one it names."
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class Frozen:
    """The documents by the name the steps call them (`ref`), the flows they come from, and why some are missing."""

    documents: dict[str, Document] = field(default_factory=dict)
    flows: dict[str, UUID] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Call:
    """A step that runs a flow. `step` and `path` are the place in the root that leads there, `through` the flow it stands in."""

    ref: str
    step: str
    path: str
    through: str = ""


def calls_of(document: Document) -> Iterator[tuple[str, str, str]]:
    """(node, field, ref) of every setting that names a flow to run."""
    for node_id, node in document["nodes"].items():
        kind = library().get(node["type"])
        if kind is None:
            continue
        for path, part, value in walk(kind.schema, complete(kind.schema, node.get("settings", {}))):
            if part.get("x-refers") == "flow" and isinstance(value, str) and value:
                yield node_id, path, value


async def freeze(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, document: Document) -> Frozen:
    """The live versions of all flows that the document runs, and that those run; a flow that runs itself gets a copy of this document."""
    frozen = Frozen()
    waiting = deque(_Call(ref, node_id, path) for node_id, path, ref in calls_of(document))
    while waiting:
        call = waiting.popleft()
        if call.ref in frozen.documents:
            continue
        found = await _find(conn, tenant_id, call.ref) if _REF.fullmatch(call.ref) else None
        if found is not None and found.id == flow_id:
            copy: Document | None = _bare(document)
        else:
            copy = None if found is None or found.document is None else _bare(upgraded(found.document))
        if found is None or copy is None or len(frozen.documents) >= MOST:
            sentence = _complaint(call, None if found is None else found.name, copy is not None)
            frozen.problems.append(Problem("unknown_subflow", "error", call.step, call.path, sentence, _FIX))
            continue
        frozen.documents[call.ref], frozen.flows[call.ref] = copy, found.id
        waiting.extend(_Call(ref, call.step, call.path, copy["name"]) for _, _, ref in calls_of(copy))
    return frozen


def _bare(document: Document) -> Document:
    return {name: part for name, part in document.items() if name != "subflows"}


def _complaint(call: _Call, name: str | None, published: bool) -> str:
    step = f'A step of "{call.through}"' if call.through else "This step"
    if name is None:
        return f"{step} runs a flow that does not exist (any more): {call.ref[:80]}."
    if not published:
        return f'{step} runs the flow "{name}", which is not published yet.'
    return f"This flow runs more than {MOST} other flows, directly or through them."


async def _find(conn: AsyncConnection, tenant_id: UUID, ref: str) -> Any:
    """The flow with this id, or else with this name: the one that was published last when several have it."""
    try:
        named = flows.c.id == UUID(ref)
    except ValueError:
        named = flows.c.name == ref
    live = and_(
        flow_versions.c.tenant_id == flows.c.tenant_id,
        flow_versions.c.flow_id == flows.c.id,
        flow_versions.c.version == flows.c.published_version,
    )
    query = select(flows.c.id, flows.c.name, flow_versions.c.document).outerjoin(flow_versions, live)
    query = query.where(flows.c.tenant_id == tenant_id, named, flows.c.deleted_at.is_(None))
    return (await conn.execute(query.order_by(flow_versions.c.published_at.desc().nulls_last()).limit(1))).first()


def with_subflows(document: Document, frozen: Frozen) -> Document:
    """The document as a version keeps it."""
    return {**_bare(document), "subflows": frozen.documents} if frozen.documents else _bare(document)
