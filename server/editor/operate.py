"""What a gesture on the canvas does to the draft: a batch of operations, undo, redo."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem as FlowProblem
from server.editor.cards import Difference, Picture, difference, picture_of
from server.editor.references import flow_titles, runs_flows
from server.flows import draft as drafts
from server.flows.document import Command, Document, apply, joined
from server.flows.draft import Draft, History
from server.flows.edit import operate
from server.flows.library import KINDS
from server.flows.operations import Add, Connect, Delete, Move, Operation, Paste
from server.flows.problems import problems_of_draft
from server.flows.refusal import EditRefused
from server.kit.errors import Problem

MAX_OPERATIONS = 500
LOOKS_KEPT = 64


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser did since its last request: one request, several steps of undo."""

    base_rev: int
    op_id: str
    ops: list[Operation]


class Refused(Problem):
    """422: an operation that cannot be done; `field` is the field of the form that holds what is wrong, "" for none."""

    def __init__(self, refusal: EditRefused) -> None:
        super().__init__(422, "edit_refused", str(refusal))
        self.field = refusal.field


@dataclass(frozen=True, slots=True)
class Edited:
    """A draft after an edit, and what the page must change to show it; without `difference` it shows the whole canvas anew."""

    draft: Draft
    history: History
    problems: Sequence[FlowProblem]
    picture: Picture
    difference: Difference | None
    say: str = ""
    conflict: bool = False


def read_batch(text: str) -> Batch:
    """The batch a browser sent; Problem 422 when it is none."""
    try:
        batch = msgspec.json.decode(text, type=Batch)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Problem(422, "bad_batch", f"This change cannot be read: {error}. Reload the page.") from None
    if not 1 <= len(batch.ops) <= MAX_OPERATIONS or not 1 <= len(batch.op_id) <= 64:
        raise Problem(422, "bad_batch", f"A change has an id and 1 to {MAX_OPERATIONS} operations. Reload the page.")
    return batch


async def perform(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, member_id: UUID, batch: Batch) -> Edited:
    """Do the operations, once: the same `op_id` again changes nothing. Somebody else's change of the same parts is a conflict."""
    draft = await drafts.lock_draft(conn, tenant_id, flow_id)
    history = await drafts.read_history(conn, draft, member_id, batch.op_id)
    if history.answered:
        return await shown(conn, draft, history)
    commands = await _commands(conn, draft, batch.ops)
    if batch.base_rev != draft.rev and await _collides(conn, draft, member_id, batch.base_rev, commands):
        return replace(await shown(conn, draft, history), conflict=True)
    done = await drafts.do(conn, draft, member_id, history, commands, batch.op_id)
    if done is draft:
        return await shown(conn, draft, history)
    result = await _compared(conn, draft, done, History(can_undo=True, can_redo=False), _words(batch.ops, commands))
    if result.difference is None or batch.base_rev != draft.rev:
        return replace(result, difference=None)
    return replace(result, difference=_without_own(result.difference, draft.document, batch.ops))


async def _commands(conn: AsyncConnection, draft: Draft, operations: Sequence[Operation]) -> list[Command]:
    commands: list[Command] = []
    document = draft.document
    for operation in operations:
        copied_from = await _copied_from(conn, draft, operation) if isinstance(operation, Paste) else None
        try:
            command = operate(document, operation, KINDS, copied_from)
        except EditRefused as refusal:
            raise Refused(refusal) from None
        commands.append(command)
        document = apply(document, command.after)
    return commands


async def _copied_from(conn: AsyncConnection, draft: Draft, operation: Paste) -> Document | None:
    try:
        flow_id = UUID(operation.flow)
    except ValueError:
        raise Problem(422, "bad_batch", "The copied steps name no flow. Copy them again.") from None
    return None if flow_id == draft.flow_id else (await drafts.read_draft(conn, draft.tenant_id, flow_id)).document


async def _collides(conn: AsyncConnection, draft: Draft, member_id: UUID, base_rev: int, commands: Sequence[Command]) -> bool:
    """Whether somebody else changed since `base_rev` what these commands change."""
    if base_rev > draft.rev:
        return True
    ours = joined(command.after for command in commands)
    return any(who != member_id and change.touches(ours) for who, change in await drafts.changes_since(conn, draft, base_rev))


def _words(operations: Sequence[Operation], commands: Sequence[Command]) -> str:
    """What a screen reader says of changes the person does not see at once."""
    told = [command.label for operation, command in zip(operations, commands, strict=True) if isinstance(operation, Add | Paste)]
    return ". ".join(told)


def _without_own(found: Difference, before: Document, operations: Sequence[Operation]) -> Difference:
    """Without what the browser has drawn by itself already."""
    moved = {name for operation in operations if isinstance(operation, Move) for name, _, _ in operation.moves}
    drawn = {operation.id for operation in operations if isinstance(operation, Connect)}
    freed = {(operation.source, operation.port) for operation in operations if isinstance(operation, Connect)}
    deleted = {name for operation in operations if isinstance(operation, Delete) for name in (*operation.nodes, *operation.edges)}
    replaced = {name for name, edge in before["edges"].items() if (edge["source"], edge["port"]) in freed}
    return replace(
        found,
        changed_cards=[card for card in found.changed_cards if not (card["id"] in moved and card["id"] in found.only_moved)],
        gone_cards=[name for name in found.gone_cards if name not in deleted],
        new_edges=[edge for edge in found.new_edges if edge["id"] not in drawn],
        gone_edges=[name for name in found.gone_edges if name not in deleted and name not in replaced],
    )


async def step_back(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, member_id: UUID) -> Edited:
    """Undo the last thing this person did."""
    return await _step(conn, tenant_id, flow_id, member_id, "undo")


async def step_forward(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, member_id: UUID) -> Edited:
    """Redo what this person undid last."""
    return await _step(conn, tenant_id, flow_id, member_id, "redo")


async def _step(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, member_id: UUID, direction: str) -> Edited:
    draft = await drafts.lock_draft(conn, tenant_id, flow_id)
    step = await (drafts.undo if direction == "undo" else drafts.redo)(conn, draft, member_id)
    if step is None:
        return replace(await shown(conn, draft, await drafts.read_history(conn, draft, member_id)), say=f"Nothing to {direction}")
    say = f"{direction.capitalize()}: {step.label}"
    if step.skipped:
        say += f". {step.skipped} part{'' if step.skipped == 1 else 's'} changed by somebody else stayed as they are"
    return await _compared(conn, draft, step.draft, await drafts.read_history(conn, step.draft, member_id), say)


async def shown(conn: AsyncConnection, draft: Draft, history: History) -> Edited:
    """The draft as it is, for a page that must show it anew."""
    problems, picture = await _look(conn, draft)
    return Edited(draft, history, problems, picture, None)


async def _compared(conn: AsyncConnection, before: Draft, after: Draft, history: History, say: str) -> Edited:
    known = _looks.get(_name(before))
    old = known[1] if known else (await _look(conn, before))[1]
    problems, picture = await _look(conn, after)
    return Edited(after, history, problems, picture, difference(old, picture), say)


# What revisions looked like when they were last shown: the next edit is compared with it.
_looks: OrderedDict[tuple[UUID, UUID, int], tuple[Sequence[FlowProblem], Picture]] = OrderedDict()


async def _look(conn: AsyncConnection, draft: Draft) -> tuple[Sequence[FlowProblem], Picture]:
    problems = await problems_of_draft(conn, draft)
    names = dict(await flow_titles(conn, draft)) if runs_flows(draft.document) else {}
    look = problems, picture_of(draft.document, problems, names)
    _looks[_name(draft)] = look
    _looks.move_to_end(_name(draft))
    if len(_looks) > LOOKS_KEPT:
        _looks.popitem(last=False)
    return look


def _name(draft: Draft) -> tuple[UUID, UUID, int]:
    return draft.tenant_id, draft.flow_id, draft.rev


async def edited(conn: AsyncConnection, before: Draft, after: Draft, member_id: UUID, say: str = "") -> Edited:
    """What an edit that was not made on the canvas leads to."""
    return await _compared(conn, before, after, await drafts.read_history(conn, after, member_id), say)
