"""Flows over HTTP."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody
from redis.asyncio import Redis

from server.channels.open_channel import open_web_channel
from server.flows import draft as drafts
from server.flows import queries
from server.flows.bundles import bundle_of, import_bundle, refused_bundle
from server.flows.complete import completed
from server.flows.create import checked_description, checked_name, create_flow
from server.flows.deletion import delete_flow, restore_flow
from server.flows.document import Command
from server.flows.draft import Draft
from server.flows.edit import replace_all, set_fields
from server.flows.gallery import create_from_template, find_template, templates
from server.flows.problems import errors_of, problems_of_draft, shape_problems
from server.flows.publish import publish
from server.flows.schemas import (
    DraftOut,
    FlowChanges,
    FlowOut,
    FlowPage,
    ImportedOut,
    LinkOut,
    NewFlow,
    NewFromTemplate,
    NewVersion,
    ProblemOut,
    ProblemPage,
    PublishedOut,
    TemplateOut,
    TemplatePage,
    VersionOut,
    VersionPage,
)
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.jobs import ring
from server.security.identity import Identity

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
PUBLISH = {"permission": "flows:publish"}


@get("/api/v1/flows", opt=READ)
async def list_flows(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
) -> FlowPage:
    """The workspace's flows, the one changed last first; `q` searches in names and descriptions."""
    if not 1 <= limit <= 200:
        raise Problem(422, "bad_limit", "Ask for 1 to 200 flows at a time.", fields={"limit": "Use 1 to 200."})
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await queries.list_flows(conn, identity.tenant_id, limit=limit, after=cursor, search=q[:200])
    return FlowPage([FlowOut.of(row) for row in rows], after)


@post("/api/v1/flows", opt=WRITE)
async def create(data: JSONBody[NewFlow], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> FlowOut:
    """Make a flow without steps."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await create_flow(conn, identity.tenant_id, data.name, data.description)
        return FlowOut.of(await queries.find_flow(conn, identity.tenant_id, draft.flow_id))


@get("/api/v1/flows/templates", opt=READ)
async def list_templates() -> TemplatePage:
    """The templates a flow can start from, in the order of the gallery."""
    return TemplatePage([TemplateOut.of(template) for template in templates()])


@post("/api/v1/flows/templates/{key:str}", opt=WRITE)
async def create_one_from_template(
    key: FromPath[str], data: JSONBody[NewFromTemplate], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> FlowOut:
    """Make a flow from a template, with its intents."""
    template = find_template(key)
    async with db.tenant(identity.tenant_id) as conn:
        draft = await create_from_template(conn, identity.tenant_id, template, data.name)
        return FlowOut.of(await queries.find_flow(conn, identity.tenant_id, draft.flow_id))


@get("/api/v1/flows/{flow_id:uuid}", opt=READ)
async def show(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> FlowOut:
    """One flow."""
    async with db.tenant(identity.tenant_id) as conn:
        return FlowOut.of(await queries.find_flow(conn, identity.tenant_id, flow_id))


@patch("/api/v1/flows/{flow_id:uuid}", opt=WRITE)
async def change(
    flow_id: FromPath[UUID], data: JSONBody[FlowChanges], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> FlowOut:
    """Rename or describe a flow; one step of undo in the editor."""
    fields: dict[str, Any] = {}
    if isinstance(data.name, str):
        fields["name"] = checked_name(data.name)
    if isinstance(data.description, str):
        fields["description"] = checked_description(data.description)
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        await _do(conn, draft, identity, set_fields(draft.document, fields, "Rename the flow"))
        return FlowOut.of(await queries.find_flow(conn, identity.tenant_id, flow_id))


async def _do(conn: Any, draft: Draft, identity: Identity, command: Command) -> Draft:
    history = await drafts.read_history(conn, draft, identity.member_id)
    return await drafts.do(conn, draft, identity.member_id, history, [command], f"api-{uuid7().hex}")


@delete("/api/v1/flows/{flow_id:uuid}", opt=WRITE)
async def remove(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> None:
    """Delete a flow; it can be taken back for 30 days."""
    async with db.tenant(identity.tenant_id) as conn:
        await delete_flow(conn, identity.tenant_id, flow_id)


@post("/api/v1/flows/{flow_id:uuid}/restoration", opt=WRITE)
async def take_back(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> FlowOut:
    """Take a deletion back."""
    async with db.tenant(identity.tenant_id) as conn:
        await restore_flow(conn, identity.tenant_id, flow_id)
        return FlowOut.of(await queries.find_flow(conn, identity.tenant_id, flow_id))


@get("/api/v1/flows/{flow_id:uuid}/draft", opt=READ)
async def show_draft(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[DraftOut]:
    """The draft; its ETag goes into `If-Match` of the next PUT."""
    async with db.tenant(identity.tenant_id) as conn:
        return _draft_answer(await drafts.read_draft(conn, identity.tenant_id, flow_id))


@put("/api/v1/flows/{flow_id:uuid}/draft", opt=WRITE)
async def replace_draft(
    flow_id: FromPath[UUID],
    data: JSONBody[dict[str, Any]],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    if_match: Annotated[str | None, HeaderParameter(name="If-Match")] = None,
) -> Response[DraftOut]:
    """Put a whole document in place of the draft, if nobody changed it since; one step of undo in the editor."""
    if if_match is None:
        raise Problem(428, "if_match_missing", "Send the draft's ETag in the header If-Match, so that nobody's work is overwritten.")
    problems = shape_problems(data)
    if problems:
        raise refused_bundle(problems)
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        if if_match not in (_etag(draft), "*"):
            raise Problem(412, "draft_changed", "Somebody changed the draft. Read it again, put your change in and send it again.")
        whole = completed({**data, "name": checked_name(data["name"])})
        return _draft_answer(await _do(conn, draft, identity, replace_all(draft.document, whole, "Replace the draft")))


def _draft_answer(draft: Draft) -> Response[DraftOut]:
    return Response(DraftOut(draft.rev, draft.document), headers={"ETag": _etag(draft)})


def _etag(draft: Draft) -> str:
    return f'"{draft.rev}"'


@get("/api/v1/flows/{flow_id:uuid}/problems", opt=READ)
async def list_problems(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> ProblemPage:
    """What is to be mended in the draft; errors forbid publishing."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        problems = await problems_of_draft(conn, draft, with_training=True)
    return ProblemPage([ProblemOut.of(problem) for problem in problems], not errors_of(problems))


@get("/api/v1/flows/{flow_id:uuid}/versions", opt=READ)
async def list_versions(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> VersionPage:
    """Published versions, the newest first."""
    async with db.tenant(identity.tenant_id) as conn:
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        rows = await queries.list_versions(conn, identity.tenant_id, flow_id)
    return VersionPage([VersionOut.of(row, flow.published_version) for row in rows])


@post("/api/v1/flows/{flow_id:uuid}/versions", opt=PUBLISH)
async def publish_draft(
    flow_id: FromPath[UUID],
    data: JSONBody[NewVersion],
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> PublishedOut:
    """Publish the draft; 422 lists the problems that forbid it."""
    async with db.tenant(identity.tenant_id) as conn:
        published = await publish(conn, identity.tenant_id, flow_id, identity.member_id, data.note)
        flow = await queries.find_flow(conn, identity.tenant_id, flow_id)
        channel_id = await open_web_channel(conn, identity.tenant_id, flow_id, flow.name)
    await ring(redis, identity.tenant_id, *published.jobs)
    return PublishedOut(published.version, published.live, channel_id)


@get("/api/v1/flows/{flow_id:uuid}/versions/{version:int}", opt=READ)
async def show_version(
    flow_id: FromPath[UUID], version: FromPath[int], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> dict[str, Any]:
    """The document of a published version."""
    async with db.tenant(identity.tenant_id) as conn:
        return await queries.read_version(conn, identity.tenant_id, flow_id, version)


@get("/api/v1/flows/{flow_id:uuid}/export", opt=READ)
async def export(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> dict[str, Any]:
    """The draft with its intents, as one document."""
    async with db.tenant(identity.tenant_id) as conn:
        return await bundle_of(conn, await drafts.read_draft(conn, identity.tenant_id, flow_id))


@post("/api/v1/flows/import", opt=WRITE)
async def import_file(data: JSONBody[Any], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> ImportedOut:
    """Make a flow, and those that it runs, from an exported one; 422 lists everything that is wrong with it, and nothing is stored.

    `to_link` names what the steps need of this workspace: connections, agents, knowledge bases, flows, and secrets that were left out.
    """
    async with db.tenant(identity.tenant_id) as conn:
        imported = await import_bundle(conn, identity.tenant_id, data)
        made = [
            FlowOut.of(await queries.find_flow(conn, identity.tenant_id, draft.flow_id)) for draft in (imported.draft, *imported.others)
        ]
    links = [LinkOut(link.kind, link.name, link.flow_id, link.node_id, link.field) for link in imported.links]
    return ImportedOut(**msgspec.structs.asdict(made[0]), others=made[1:], to_link=links)


handlers = [
    list_flows,
    create,
    list_templates,
    create_one_from_template,
    show,
    change,
    remove,
    take_back,
    show_draft,
    replace_draft,
    list_problems,
    list_versions,
    publish_draft,
    show_version,
    export,
    import_file,
]
