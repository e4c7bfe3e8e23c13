"""The editor page, and the answers to gestures on its canvas."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from node_library import NodeLibrary
from server.channels.open_channel import web_channel_of
from server.editor.answers import answer, count_of, problem_list
from server.editor.operate import Edited, perform, read_batch, shown, step_back, step_forward
from server.flows import draft as drafts
from server.flows import queries
from server.flows.library import palette
from server.flows.queries import FlowRow, Training
from server.kit import pages
from server.kit.db import Database
from server.plugins.queries import library_of
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}", opt=READ, include_in_schema=False)
async def editor(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The page on which a flow is drawn."""
    async with db.tenant(identity.tenant_id) as conn:
        edited, values = await page_values(conn, identity, flow_id)
    return pages.render(
        request,
        "editor/editor.html",
        **values,
        cards=list(edited.picture.cards.values()),
        edges=list(edited.picture.edges.values()),
        readonly=not allows(identity.role, "flows:write"),
    )


async def page_values(conn: AsyncConnection, identity: Identity, flow_id: UUID) -> tuple[Edited, dict[str, Any]]:
    """The draft, and what the frame around it shows: names, state, history, problems."""
    flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
    draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    edited = await shown(conn, draft, await drafts.read_history(conn, draft, identity.member_id))
    values = {
        "flow": flow,
        "document": draft.document,
        "training": await waiting_training(conn, identity.tenant_id, flow),
        "channel_id": await web_channel_of(conn, identity.tenant_id, flow_id),
        "rev": draft.rev,
        "history": edited.history,
        "problems": problem_list(edited.problems, draft.document),
        "count": count_of(edited.problems),
        "palette": palette_groups(await library_of(conn, identity.tenant_id)),
        "may_publish": allows(identity.role, "flows:publish"),
    }
    return edited, values


async def waiting_training(conn: AsyncConnection, tenant_id: UUID, flow: FlowRow) -> Training | None:
    """How far the model is that a version waits for before it goes live."""
    if flow.waiting_version is None:
        return None
    return await queries.training_of_version(conn, tenant_id, flow.id, flow.waiting_version)


def palette_groups(nodes: NodeLibrary) -> list[dict[str, Any]]:
    """The palette as its templates want it."""
    return [
        {
            "category": kinds[0].category,
            "title": title,
            "items": [{"type": kind.type, "title": kind.title, "summary": kind.summary} for kind in kinds],
        }
        for title, kinds in palette(nodes)
    ]


@get("/flows/{flow_id:uuid}/canvas", opt=READ, include_in_schema=False)
async def canvas(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The whole canvas anew."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        edited = await shown(conn, draft, await drafts.read_history(conn, draft, identity.member_id))
    return answer(request, edited)


@post("/flows/{flow_id:uuid}/ops", opt=WRITE, status_code=200, include_in_schema=False)
async def operate(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Do what a person did on the canvas."""
    batch = read_batch(str((await request.form()).get("batch", "")))
    async with db.tenant(identity.tenant_id) as conn:
        edited = await perform(conn, identity.tenant_id, flow_id, identity.member_id, batch)
    return answer(request, edited)


@post("/flows/{flow_id:uuid}/undo", opt=WRITE, status_code=200, include_in_schema=False)
async def undo(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Take back the last thing this person did."""
    async with db.tenant(identity.tenant_id) as conn:
        edited = await step_back(conn, identity.tenant_id, flow_id, identity.member_id)
    return answer(request, edited)


@post("/flows/{flow_id:uuid}/redo", opt=WRITE, status_code=200, include_in_schema=False)
async def redo(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Do again what this person took back last."""
    async with db.tenant(identity.tenant_id) as conn:
        edited = await step_forward(conn, identity.tenant_id, flow_id, identity.member_id)
    return answer(request, edited)


@get("/flows/{flow_id:uuid}/state", opt=READ, include_in_schema=False)
async def state(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Draft, learning or live: the badge beside the name, asked again while intents are being learned."""
    async with db.tenant(identity.tenant_id) as conn:
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        training = await waiting_training(conn, identity.tenant_id, flow)
    return pages.render(request, "editor/_state.html", flow=flow, training=training)


handlers = [editor, canvas, operate, undo, redo, state]
