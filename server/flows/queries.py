"""What can be read of flows, versions and models."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.document import Document
from server.flows.tables import flow_versions, flows, intent_models
from server.kit.clock import now
from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import not_found

TAKE_BACK = timedelta(days=30)
PAGE = 50


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A flow in a list."""

    id: UUID
    name: str
    description: str
    rev: int
    steps: int
    published_version: int | None
    published_at: datetime | None
    waiting_version: int | None
    has_changes: bool
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Training:
    """How far the intent model of a version is."""

    status: str
    progress: float
    text: str
    error: str | None
    report: dict[str, Any] | None
    trained_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A published version in a list."""

    version: int
    note: str
    published_by: UUID | None
    published_at: datetime
    steps: int
    model_status: str | None


def _flow_query() -> Select[Any]:
    live = flow_versions.alias("live")
    newest = (
        select(func.max(flow_versions.c.version))
        .where(flow_versions.c.tenant_id == flows.c.tenant_id, flow_versions.c.flow_id == flows.c.id, flow_versions.c.version > 0)
        .scalar_subquery()
    )
    steps = select(func.count()).select_from(func.jsonb_object_keys(flows.c.draft["nodes"]).alias()).scalar_subquery()
    return select(
        flows.c.id,
        flows.c.name,
        flows.c.description,
        flows.c.draft_rev,
        steps.label("steps"),
        flows.c.published_version,
        live.c.published_at,
        newest.label("newest"),
        (flows.c.draft != live.c.document.op("-", return_type=JSONB)("subflows")).label("has_changes"),
        flows.c.created_at,
        flows.c.updated_at,
        flows.c.deleted_at,
    ).outerjoin(
        live,
        and_(live.c.tenant_id == flows.c.tenant_id, live.c.flow_id == flows.c.id, live.c.version == flows.c.published_version),
    )


def _flow_row(row: Any) -> FlowRow:
    waiting = row.newest if (row.newest or 0) > (row.published_version or 0) else None
    return FlowRow(
        row.id,
        row.name,
        row.description,
        row.draft_rev,
        row.steps,
        row.published_version,
        row.published_at,
        waiting,
        row.published_version is None or bool(row.has_changes),
        row.created_at,
        row.updated_at,
        row.deleted_at,
    )


async def list_flows(
    conn: AsyncConnection, tenant_id: UUID, *, limit: int = PAGE, after: str | None = None, search: str = ""
) -> tuple[list[FlowRow], str | None]:
    """Flows, the one changed last first, and where the next page starts."""
    query = _flow_query().where(flows.c.tenant_id == tenant_id, flows.c.deleted_at.is_(None))
    if search:
        query = query.where(or_(flows.c.name.icontains(search, autoescape=True), flows.c.description.icontains(search, autoescape=True)))
    if after is not None:
        query = query.where(tuple_(flows.c.updated_at, flows.c.id) < tuple_(*read_cursor(after, tuple[datetime, UUID])))
    rows = (await conn.execute(query.order_by(flows.c.updated_at.desc(), flows.c.id.desc()).limit(limit + 1))).all()
    found = [_flow_row(row) for row in rows[:limit]]
    return found, write_cursor(found[-1].updated_at, found[-1].id) if len(rows) > limit else None


async def find_flow(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> FlowRow:
    """One flow; Problem 404 when there is none, or it is deleted."""
    query = _flow_query().where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at.is_(None))
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise not_found("flow")
    return _flow_row(row)


async def list_deleted(conn: AsyncConnection, tenant_id: UUID) -> list[FlowRow]:
    """Flows that were deleted and can still be taken back, the latest first."""
    query = _flow_query().where(flows.c.tenant_id == tenant_id, flows.c.deleted_at > now() - TAKE_BACK)
    return [_flow_row(row) for row in await conn.execute(query.order_by(flows.c.deleted_at.desc()).limit(PAGE))]


async def count_flows(conn: AsyncConnection, tenant_id: UUID) -> tuple[int, int]:
    """How many flows there are, and how many of them are published."""
    query = select(func.count(), func.count(flows.c.published_version)).where(flows.c.tenant_id == tenant_id, flows.c.deleted_at.is_(None))
    total, published = (await conn.execute(query)).one()
    return total, published


async def list_versions(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, limit: int = 100) -> list[VersionRow]:
    """Published versions, the newest first."""
    steps = select(func.count()).select_from(func.jsonb_object_keys(flow_versions.c.document["nodes"]).alias()).scalar_subquery()
    same_model = and_(
        intent_models.c.tenant_id == flow_versions.c.tenant_id,
        intent_models.c.flow_id == flow_versions.c.flow_id,
        intent_models.c.model_hash == flow_versions.c.model_hash,
    )
    rows = await conn.execute(
        select(
            flow_versions.c.version,
            flow_versions.c.note,
            flow_versions.c.published_by,
            flow_versions.c.published_at,
            steps.label("steps"),
            intent_models.c.status,
        )
        .outerjoin(intent_models, same_model)
        .where(flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version > 0)
        .order_by(flow_versions.c.version.desc())
        .limit(limit)
    )
    return [VersionRow(row.version, row.note, row.published_by, row.published_at, row.steps, row.status) for row in rows]


async def read_version(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int) -> Document:
    """The document of a version; Problem 404 when there is no such version."""
    document: Document | None = await conn.scalar(
        select(flow_versions.c.document).where(
            flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version == version
        )
    )
    if document is None:
        raise not_found("version")
    return document


async def find_training(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, model_hash: str) -> Training | None:
    """The state of the model with this hash."""
    m = intent_models.c
    row = (
        await conn.execute(
            select(m.status, m.progress, m.progress_text, m.error, m.report, m.trained_at).where(
                m.tenant_id == tenant_id, m.flow_id == flow_id, m.model_hash == model_hash
            )
        )
    ).one_or_none()
    return None if row is None else Training(*row)


async def training_of_version(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int) -> Training | None:
    """The state of the model that a version needs; None when it needs none."""
    model_hash: str | None = await conn.scalar(
        select(flow_versions.c.model_hash).where(
            flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version == version
        )
    )
    return None if model_hash is None else await find_training(conn, tenant_id, flow_id, model_hash)
