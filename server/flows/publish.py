"""Publishing: the draft becomes an immutable version that conversations run on.

A version without intents, or whose intents were learned before, is live at once. Otherwise the version before it stays live until
training is over; the job that trains makes it live.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import InvalidFlow, load_flow
from flow_runtime import Problem as FlowProblem
from server.channels.open_channel import open_web_channel
from server.events.record import record
from server.flows.draft import Draft, lock_draft
from server.flows.due import install_schedules
from server.flows.examples import hash_of, list_intents, pairs_of
from server.flows.library import uses_intents
from server.flows.problems import errors_of, problems_of_draft
from server.flows.queries import read_version
from server.flows.subflows import Frozen, freeze, with_subflows
from server.flows.tables import flow_versions, flows, intent_models
from server.kit.clock import now
from server.kit.errors import Problem
from server.kit.jobs import enqueue
from server.plugins.queries import library_of

SNAPSHOTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Published:
    """A new version: whether it is live already, and the jobs to ring for when it is not."""

    version: int
    live: bool
    jobs: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The draft as the Test panel runs it: a version below zero."""

    version: int
    model_hash: str | None
    ready: bool
    jobs: tuple[UUID, ...] = ()


def refused(problems: Sequence[FlowProblem]) -> Problem:
    """422 with what must be mended first."""
    errors = [problem.to_json() for problem in problems if problem.severity == "error"]
    noun = "problem" if len(errors) == 1 else "problems"
    sentence = f"Mend {len(errors)} {noun} first: {errors[0]['message']}"
    return Problem(422, "flow_has_problems", sentence, extra={"problems": errors})


def merged(problems: Sequence[FlowProblem], more: Sequence[FlowProblem]) -> list[FlowProblem]:
    """Both, each problem of a field told once."""
    known = {(problem.code, problem.node_id, problem.field) for problem in problems}
    return [*problems, *(problem for problem in more if (problem.code, problem.node_id, problem.field) not in known)]


async def publish(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, member_id: UUID | None, note: str = "") -> Published:
    """Make the draft the next version; Problem 422 lists the errors that forbid it. Ring the jobs after the commit."""
    draft = await lock_draft(conn, tenant_id, flow_id)
    problems = await problems_of_draft(conn, draft, with_training=True)
    frozen = await freeze(conn, tenant_id, flow_id, draft.document)
    if errors_of(problems) or frozen.problems:
        raise refused(merged(problems, frozen.problems))
    document = with_subflows(draft.document, frozen)
    model_hash, ready, jobs = await _model_for(conn, draft, frozen)
    version = await _next_version(conn, draft)
    await conn.execute(
        insert(flow_versions).values(
            tenant_id=tenant_id,
            flow_id=flow_id,
            version=version,
            document=document,
            model_hash=model_hash,
            note=note.strip()[:500],
            published_by=member_id,
            published_at=now(),
        )
    )
    if ready:
        await go_live(conn, tenant_id, flow_id, version)
    await open_web_channel(conn, tenant_id, flow_id, draft.document["name"])
    return Published(version, ready, jobs)


async def _next_version(conn: AsyncConnection, draft: Draft) -> int:
    newest = await conn.scalar(
        select(func.max(flow_versions.c.version)).where(
            flow_versions.c.tenant_id == draft.tenant_id, flow_versions.c.flow_id == draft.flow_id
        )
    )
    return max(newest or 0, 0) + 1


async def _model_for(conn: AsyncConnection, draft: Draft, frozen: Frozen) -> tuple[str | None, bool, tuple[UUID, ...]]:
    """(hash of the model the draft needs, whether it is there, the jobs that make it). Its sub-flows' intents are learned with its own."""
    asking = [frozen.flows[ref] for ref, copy in frozen.documents.items() if uses_intents(copy)]
    if not (asking or uses_intents(draft.document)):
        return None, True, ()
    intents = [intent for flow_id in {draft.flow_id, *asking} for intent in await list_intents(conn, draft.tenant_id, flow_id)]
    pairs = sorted(set(pairs_of(intents)))
    model_hash = hash_of(pairs)
    status = await _ask_for_model(conn, draft.tenant_id, draft.flow_id, model_hash, pairs)
    if status == "trained":
        return model_hash, True, ()
    if status == "training":
        return model_hash, False, ()
    job = await enqueue(conn, draft.tenant_id, "flows.train_intents", {"flow_id": str(draft.flow_id), "model_hash": model_hash})
    return model_hash, False, (job,)


async def _ask_for_model(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, model_hash: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The status of the model, whose row is made when missing and reset when training had failed."""
    await conn.execute(
        upsert(intent_models)
        .values(tenant_id=tenant_id, flow_id=flow_id, model_hash=model_hash, status="new", examples=pairs)
        .on_conflict_do_nothing()
    )
    row = intent_models.c
    same = (row.tenant_id == tenant_id, row.flow_id == flow_id, row.model_hash == model_hash)
    status: str = (await conn.execute(select(row.status).where(*same).with_for_update())).scalar_one()
    if status in ("new", "failed"):
        await conn.execute(
            update(intent_models).where(*same).values(status="pending", progress=0, progress_text="Waiting for a worker", error=None)
        )
        return "asked"
    return "trained" if status == "trained" else "training"


async def go_live(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int) -> None:
    """Conversations that start from now on run on `version`; never goes back behind a newer version that is live."""
    moved = await conn.execute(
        update(flows)
        .where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, func.coalesce(flows.c.published_version, 0) < version)
        .values(published_version=version)
    )
    if moved.rowcount:
        await install_schedules(conn, tenant_id, flow_id, await read_version(conn, tenant_id, flow_id, version))
        await record(conn, tenant_id, "flow.published", {}, flow_id=flow_id, flow_version=version)


async def go_live_with_model(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, model_hash: str) -> int | None:
    """The newest version that waited for this model goes live; its number, None when none waited."""
    version: int | None = await conn.scalar(
        select(func.max(flow_versions.c.version)).where(
            flow_versions.c.tenant_id == tenant_id,
            flow_versions.c.flow_id == flow_id,
            flow_versions.c.model_hash == model_hash,
            flow_versions.c.version > 0,
        )
    )
    if version is not None:
        await go_live(conn, tenant_id, flow_id, version)
    return version


async def snapshot_draft(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> Snapshot:
    """Keep the draft as it is now, for a conversation in the Test panel; Problem 422 when it cannot run. Ring the jobs after the commit."""
    draft = await lock_draft(conn, tenant_id, flow_id)
    try:
        load_flow(draft.document, await library_of(conn, tenant_id))
    except InvalidFlow as error:
        raise refused(error.problems) from None
    frozen = await freeze(conn, tenant_id, flow_id, draft.document)
    if frozen.problems:
        raise refused(frozen.problems)
    document = with_subflows(draft.document, frozen)
    model_hash, ready, jobs = await _model_for(conn, draft, frozen)
    values: dict[str, Any] = {"document": document, "model_hash": model_hash, "published_at": now()}
    await conn.execute(
        upsert(flow_versions)
        .values(tenant_id=tenant_id, flow_id=flow_id, version=-draft.rev, **values)
        .on_conflict_do_update(constraint="flow_versions_pkey", set_=values)
    )
    await _forget_old_snapshots(conn, tenant_id, flow_id)
    return Snapshot(-draft.rev, model_hash, ready, jobs)


async def _forget_old_snapshots(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> None:
    of_flow = (flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version < 0)
    kept = select(flow_versions.c.version).where(*of_flow).order_by(flow_versions.c.version).limit(SNAPSHOTS_KEPT)
    await conn.execute(delete(flow_versions).where(*of_flow, flow_versions.c.version.not_in(kept.scalar_subquery())))
