"""The draft in the database: commands done, taken back and done again, each person's own, under the lock of the flow's row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime.upgrades import upgraded, upgraded_nodes
from server.flows.document import Change, Command, Document, apply, joined, read, take_back
from server.flows.library import library
from server.flows.tables import flow_edits, flows
from server.kit.clock import now
from server.kit.errors import not_found

_MINE = flow_edits.c


@dataclass(frozen=True, slots=True)
class Draft:
    """A flow's row with the draft in it."""

    tenant_id: UUID
    flow_id: UUID
    document: Document
    rev: int
    published_version: int | None


@dataclass(frozen=True, slots=True)
class History:
    """What a person can take back or do again, and whether a request was answered before."""

    can_undo: bool
    can_redo: bool
    last_edit: int = 0
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One command taken back or done again."""

    draft: Draft
    change: Change
    label: str
    skipped: int


async def lock_draft(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> Draft:
    """The draft, nobody else's to change until the transaction ends."""
    return await _read_draft(conn, tenant_id, flow_id, lock=True)


async def read_draft(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> Draft:
    """The draft as it is now."""
    return await _read_draft(conn, tenant_id, flow_id, lock=False)


async def _read_draft(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, *, lock: bool) -> Draft:
    query = select(flows.c.draft, flows.c.draft_rev, flows.c.published_version).where(
        flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at.is_(None)
    )
    row = (await conn.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise not_found("flow")
    return Draft(tenant_id, flow_id, upgraded_nodes(upgraded(row.draft), library()), row.draft_rev, row.published_version)


async def read_history(conn: AsyncConnection, draft: Draft, member_id: UUID, op_id: str | None = None) -> History:
    """What `member_id` can undo and redo; `answered` when an edit of the request `op_id` is stored already."""
    of_flow = and_(_MINE.tenant_id == draft.tenant_id, _MINE.flow_id == draft.flow_id)
    mine = and_(of_flow, _MINE.member_id == member_id)
    row = (
        await conn.execute(
            select(
                exists().where(mine, _MINE.status == "done").label("can_undo"),
                exists().where(mine, _MINE.status == "undone").label("can_redo"),
                select(func.coalesce(func.max(_MINE.edit_no), 0)).where(of_flow).scalar_subquery().label("last_edit"),
                exists().where(of_flow, _MINE.op_id == _row_id(op_id or "", 0)).label("answered"),
            )
        )
    ).one()
    return History(row.can_undo, row.can_redo, row.last_edit, row.answered)


def _row_id(op_id: str, number: int) -> str:
    return f"{op_id}/{number}"


async def do(conn: AsyncConnection, draft: Draft, member_id: UUID, history: History, commands: Sequence[Command], op_id: str) -> Draft:
    """Store `commands` (made for `draft`, each on top of the one before it) as steps of undo, and the document they lead to."""
    commands = [command for command in commands if not command.is_empty]
    if not commands:
        return draft
    done = replace(draft, document=apply(draft.document, joined(command.after for command in commands)), rev=draft.rev + 1)
    if history.can_redo:
        await _drop_undone(conn, draft, member_id)
    if not await _merged(conn, done, member_id, history, commands):
        await conn.execute(insert(flow_edits), [_row(done, member_id, history, n, command, op_id) for n, command in enumerate(commands)])
    await save(conn, done)
    return done


def _row(draft: Draft, member_id: UUID, history: History, number: int, command: Command, op_id: str) -> dict[str, Any]:
    return {
        "tenant_id": draft.tenant_id,
        "flow_id": draft.flow_id,
        "edit_no": history.last_edit + 1 + number,
        "op_id": _row_id(op_id, number),
        "member_id": member_id,
        "label": command.label,
        "merge_key": command.merge_key,
        "before": command.before.to_json(),
        "after": command.after.to_json(),
        "rev": draft.rev,
    }


async def _drop_undone(conn: AsyncConnection, draft: Draft, member_id: UUID) -> None:
    await conn.execute(update(flow_edits).where(_of(draft, member_id), _MINE.status == "undone").values(status="dropped"))


def _of(draft: Draft, member_id: UUID) -> Any:
    return and_(_MINE.tenant_id == draft.tenant_id, _MINE.flow_id == draft.flow_id, _MINE.member_id == member_id)


async def _merged(conn: AsyncConnection, draft: Draft, member_id: UUID, history: History, commands: Sequence[Command]) -> bool:
    """A nudge after a nudge of the same steps is one step of undo."""
    command = commands[0]
    if len(commands) > 1 or command.merge_key is None:
        return False
    last = (
        await conn.execute(
            select(_MINE.after, _MINE.merge_key, _MINE.status).where(_of(draft, member_id), _MINE.edit_no == history.last_edit)
        )
    ).one_or_none()
    if last is None or (last.merge_key, last.status) != (command.merge_key, "done"):
        return False
    if last.after["nodes"].keys() != command.after.nodes.keys():
        return False
    await conn.execute(
        update(flow_edits)
        .where(_of(draft, member_id), _MINE.edit_no == history.last_edit)
        .values(after=command.after.to_json(), rev=draft.rev)
    )
    return True


async def save(conn: AsyncConnection, draft: Draft) -> None:
    """Write the document; name and description are copied out for lists."""
    await conn.execute(
        update(flows)
        .where(flows.c.tenant_id == draft.tenant_id, flows.c.id == draft.flow_id)
        .values(
            draft=draft.document,
            draft_rev=draft.rev,
            name=draft.document["name"],
            description=draft.document.get("description", ""),
            updated_at=now(),
        )
    )


async def undo(conn: AsyncConnection, draft: Draft, member_id: UUID) -> Step | None:
    """Take back the last thing this person did; None when there is nothing."""
    return await _step(conn, draft, member_id, "done", "undone")


async def redo(conn: AsyncConnection, draft: Draft, member_id: UUID) -> Step | None:
    """Do again what this person took back last; None when there is nothing."""
    return await _step(conn, draft, member_id, "undone", "done")


async def _step(conn: AsyncConnection, draft: Draft, member_id: UUID, status: str, new_status: str) -> Step | None:
    order = _MINE.edit_no.desc() if status == "done" else _MINE.edit_no.asc()
    query = select(_MINE.edit_no, _MINE.label, _MINE.before, _MINE.after).where(_of(draft, member_id), _MINE.status == status)
    row = (await conn.execute(query.order_by(order).limit(1))).one_or_none()
    if row is None:
        return None
    before, after = Change.from_json(row.before), Change.from_json(row.after)
    source, target = (after, before) if status == "done" else (before, after)
    change = take_back(draft.document, source, target)
    stepped = replace(draft, document=apply(draft.document, change), rev=draft.rev + 1)
    await conn.execute(
        update(flow_edits).where(_of(draft, member_id), _MINE.edit_no == row.edit_no).values(status=new_status, rev=stepped.rev)
    )
    await save(conn, stepped)
    return Step(stepped, change, row.label, _missing(target, change))


def _missing(wanted: Change, done: Change) -> int:
    return len(wanted.nodes.keys() - done.nodes.keys()) + len(wanted.fields.keys() - done.fields.keys())


async def changes_since(conn: AsyncConnection, draft: Draft, rev: int) -> list[tuple[UUID, Change]]:
    """Who touched which parts after revision `rev`, with the parts as `draft` holds them now."""
    rows = await conn.execute(
        select(_MINE.member_id, _MINE.before, _MINE.after)
        .where(_MINE.tenant_id == draft.tenant_id, _MINE.flow_id == draft.flow_id, _MINE.rev > rev)
        .order_by(_MINE.edit_no)
    )
    return [(row.member_id, read(draft.document, _both(row.before, row.after))) for row in rows]


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    return joined([Change.from_json(before), Change.from_json(after)])
