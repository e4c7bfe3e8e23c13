"""Home, and the list of flows."""

import json
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.tables import conversations
from server.flows import draft as drafts
from server.flows import queries
from server.flows.bundles import Imported, bundle_of, import_bundle
from server.flows.create import create_flow
from server.flows.deletion import delete_flow, restore_flow
from server.flows.gallery import templates
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.llm.tables import model_providers
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}

AnyRequest = Request[Any, Any, Any]

LINKED = {
    "connection": "Connection",
    "agent": "Agent",
    "knowledge": "Knowledge base",
    "flow": "Flow",
    "secret": "Key or password",
}
"""The kinds of things to link, in words."""


@get("/", opt=READ, include_in_schema=False)
async def home(request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[str]:
    """Where a person starts: what is left to do, the flows worked on last."""
    async with db.tenant(identity.tenant_id) as conn:
        rows, _ = await queries.list_flows(conn, identity.tenant_id, limit=6)
        total, published = await queries.count_flows(conn, identity.tenant_id)
        talked = await _conversation_counts(conn, identity.tenant_id)
        has_model = bool(await conn.scalar(select(func.count()).select_from(model_providers)))
    return pages.render(
        request,
        "home/home.html",
        flows=rows,
        talked=talked,
        total=total,
        published=published,
        conversation_count=sum(talked.values()),
        has_model=has_model,
        writable=allows(identity.role, "flows:write"),
    )


async def _conversation_counts(conn: AsyncConnection, tenant_id: UUID) -> dict[UUID, int]:
    """Real conversations by flow."""
    query = (
        select(conversations.c.flow_id, func.count())
        .where(conversations.c.tenant_id == tenant_id, conversations.c.is_test.is_(False))
        .group_by(conversations.c.flow_id)
    )
    return {row[0]: row[1] for row in await conn.execute(query)}


@get("/flows", opt=READ, include_in_schema=False)
async def flow_list(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    q: FromQuery[str] = "",
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """The flows of the workspace."""
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await queries.list_flows(conn, identity.tenant_id, limit=24, after=cursor, search=q[:200])
        total, _ = await queries.count_flows(conn, identity.tenant_id)
        deleted = await queries.list_deleted(conn, identity.tenant_id)
        talked = await _conversation_counts(conn, identity.tenant_id)
    return pages.render(
        request,
        "flows/list.html",
        flows=rows,
        deleted=deleted,
        talked=talked,
        total=total,
        q=q,
        next_url=f"/flows?cursor={after}" if after else "",
        templates=() if total else templates(),
        writable=allows(identity.role, "flows:write"),
    )


@post("/flows", opt=WRITE, status_code=200, include_in_schema=False)
async def create(request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[Any]:
    """Make a flow and open it."""
    form = await request.form()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await create_flow(conn, identity.tenant_id, str(form.get("name", "")), str(form.get("description", "")))
    return pages.go_to(request, f"/flows/{draft.flow_id}")


@post("/flows/import", opt=WRITE, status_code=200, include_in_schema=False)
async def import_file(request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[Any]:
    """Make a flow from an exported file and open it."""
    upload = (await request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise Problem(422, "no_file", "Choose the file of an exported flow.", fields={"file": "Choose a file."})
    try:
        bundle = json.loads(await upload.read())
    except (ValueError, RecursionError):
        sentence = "This file is not an exported flow: it is not JSON."
        raise Problem(422, "not_json", sentence, fields={"file": "Choose another file."}) from None
    async with db.tenant(identity.tenant_id) as conn:
        imported = await import_bundle(conn, identity.tenant_id, bundle)
    if not imported.links:
        return pages.go_to(request, f"/flows/{imported.draft.flow_id}")
    return pages.partials(request, [pages.Partial("#import-form", _report(request, imported), "outerHTML")])


def _report(request: AnyRequest, imported: Imported) -> str:
    """What is left to link, in place of the form."""
    drafts = {draft.flow_id: draft.document for draft in (imported.draft, *imported.others)}
    rows = [(LINKED[link.kind], link.name, drafts[link.flow_id]["nodes"][link.node_id]["title"]) for link in imported.links]
    return pages.fragment(request, "flows/_imported.html", flow_id=imported.draft.flow_id, rows=rows, others=len(imported.others))


@get("/flows/{flow_id:uuid}/export.json", opt=READ, include_in_schema=False)
async def export_file(
    flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[dict[str, Any]]:
    """The draft with its intents, as a file."""
    async with db.tenant(identity.tenant_id) as conn:
        bundle = await bundle_of(conn, await drafts.read_draft(conn, identity.tenant_id, flow_id))
    return Response(bundle, headers={"Content-Disposition": 'attachment; filename="flow.json"', "Cache-Control": "no-store"})


@post("/flows/{flow_id:uuid}/deletion", opt=WRITE, status_code=200, include_in_schema=False)
async def delete_one(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Delete a flow; the list then offers to take it back."""
    async with db.tenant(identity.tenant_id) as conn:
        await delete_flow(conn, identity.tenant_id, flow_id)
    return pages.go_to(request, "/flows")


@post("/flows/{flow_id:uuid}/restoration", opt=WRITE, status_code=200, include_in_schema=False)
async def restore_one(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Take a deletion back."""
    async with db.tenant(identity.tenant_id) as conn:
        await restore_flow(conn, identity.tenant_id, flow_id)
    return pages.go_to(request, "/flows")


handlers = [home, flow_list, create, import_file, export_file, delete_one, restore_one]
