"""Publishing from the editor, the versions of a flow, its name."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from redis.asyncio import Redis

from server.channels.open_channel import open_web_channel, web_channel_of
from server.editor.answers import answer, problem_list
from server.editor.canvas_pages import waiting_training
from server.editor.operate import edited
from server.flows import draft as drafts
from server.flows import queries
from server.flows.complete import completed
from server.flows.document import Command
from server.flows.draft import Draft
from server.flows.edit import replace_all
from server.flows.problems import errors_of, problems_of_draft
from server.flows.publish import publish
from server.kit import pages
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.jobs import ring
from server.kit.pages import Partial
from server.kit.settings import Settings
from server.security.identity import Identity
from server.security.roles import allows
from server.tenants.queries import member_page

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
PUBLISH = {"permission": "flows:publish"}

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/publish", opt=PUBLISH, include_in_schema=False)
async def ask(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """What the dialog shows: the problems, or the note and the button."""
    async with db.tenant(identity.tenant_id) as conn:
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        problems = await problems_of_draft(conn, draft, with_training=True)
    listed = problem_list(problems, draft.document)
    return pages.render(request, "editor/_publish.html", flow=flow, problems=listed, blocked=len(errors_of(problems)))


@post("/flows/{flow_id:uuid}/publish", opt=PUBLISH, status_code=200, include_in_schema=False)
async def publish_draft(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Publish, and say where customers can reach the flow now."""
    note = str((await request.form()).get("version_note", ""))
    async with db.tenant(identity.tenant_id) as conn:
        published = await publish(conn, identity.tenant_id, flow_id, identity.member_id, note)
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        training = await waiting_training(conn, identity.tenant_id, flow)
        channel_id = await open_web_channel(conn, identity.tenant_id, flow_id, flow.name)
    await ring(redis, identity.tenant_id, *published.jobs)
    where = {"channel_id": channel_id, "url": settings.public_url}
    done = pages.fragment(request, "editor/_published.html", flow=flow, version=published.version, live=published.live, **where)
    around = pages.macros(request, "editor/_around.html")
    parts = [
        Partial("#publish-body", done, "innerHTML"),
        Partial("#state", around.state(flow.published_version, flow.has_changes, training, flow_id), "outerHTML"),
    ]
    return pages.partials(request, parts)


@get("/flows/{flow_id:uuid}/live", opt=READ, include_in_schema=False)
async def live(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Where customers reach the flow, for the badge that says it is live."""
    async with db.tenant(identity.tenant_id) as conn:
        await queries.find_flow(conn, identity.tenant_id, flow_id)
        channel_id = await web_channel_of(conn, identity.tenant_id, flow_id)
    return pages.render(request, "editor/_live.html", channel_id=channel_id, url=settings.public_url)


@get("/flows/{flow_id:uuid}/versions", opt=READ, include_in_schema=False)
async def versions(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The list of published versions, for the panel."""
    async with db.tenant(identity.tenant_id) as conn:
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        rows = await queries.list_versions(conn, identity.tenant_id, flow_id)
        authors = {row.id: row.name for row in await member_page(conn, identity.tenant_id, None, 500)}
    writable = allows(identity.role, "flows:write")
    return pages.render(request, "editor/_versions.html", flow=flow, versions=rows, authors=authors, writable=writable)


@post("/flows/{flow_id:uuid}/versions/{version:int}/restoration", opt=WRITE, status_code=200, include_in_schema=False)
async def restore(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    version: FromPath[int],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Put a published version into the draft; one step of undo."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        document = completed(await queries.read_version(conn, identity.tenant_id, flow_id, version))
        command = replace_all(draft.document, document, f"Restore version {version}")
        restored = await _do(conn, draft, identity, command)
        result = await edited(conn, draft, restored, identity.member_id, f"Version {version} is the draft again")
    return answer(request, result)


async def _do(conn: Any, draft: Draft, identity: Identity, command: Command) -> Draft:
    history = await drafts.read_history(conn, draft, identity.member_id)
    return await drafts.do(conn, draft, identity.member_id, history, [command], f"page-{uuid7().hex}")


handlers = [ask, publish_draft, live, versions, restore]
