"""The intents of a flow: what customers want and how they say it; typed, pasted or imported."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor.canvas_pages import page_values
from server.flows.examples import (
    Intent,
    add_examples,
    count_examples,
    delete_intent,
    find_intent,
    hash_of,
    list_intents,
    pairs_of,
    save_intent,
)
from server.flows.intents import examples_csv
from server.flows.intents.examples import problems_of
from server.flows.intents.examples_csv import UnreadableFile
from server.flows.queries import find_flow, find_training
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.pages import Partial
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
UPLOAD_BYTES = 25_000_000
SHOWN_ROWS = 12
SHOWN_PROBLEMS = 20
ADVISED = 5

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/intents", opt=READ, include_in_schema=False)
async def intent_list(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The page with every intent."""
    async with db.tenant(identity.tenant_id) as conn:
        _, values = await page_values(conn, identity, flow_id)
        listed = await _list_values(conn, identity.tenant_id, flow_id)
    return pages.render(request, "editor/intents.html", **values, **listed, writable=allows(identity.role, "flows:write"))


async def _list_values(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> dict[str, Any]:
    """The list with what stands in the way of learning it, and how well it was learned."""
    intents = await list_intents(conn, tenant_id, flow_id)
    pairs = pairs_of(intents)
    return {
        "intents": [{"name": i.name, "description": i.description, "count": len(i.examples), "first": i.examples[:3]} for i in intents],
        "examples": len(pairs),
        "obstacles": problems_of(pairs) if intents else [],
        "model": await find_training(conn, tenant_id, flow_id, hash_of(pairs)) if intents else None,
        "advised": ADVISED,
    }


@get("/flows/{flow_id:uuid}/intents/form", opt=READ, include_in_schema=False)
async def intent_form(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    name: FromQuery[str] = "",
) -> Response[str]:
    """The form of one intent, new when no name is given."""
    async with db.tenant(identity.tenant_id) as conn:
        await find_flow(conn, identity.tenant_id, flow_id)
        intent = await find_intent(conn, identity.tenant_id, flow_id, name) if name else Intent("")
    return pages.render(
        request, "editor/_intent_form.html", flow_id=flow_id, intent=intent, was=name, examples="\n".join(intent.examples), errors={}
    )


@post("/flows/{flow_id:uuid}/intents", opt=WRITE, status_code=200, include_in_schema=False)
async def save(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Add an intent or change one; 422 gives the form again."""
    form = await request.form()
    was, name, description, examples = (str(form.get(key, "")) for key in ("was", "name", "description", "examples"))
    intent = Intent(name, description, examples.splitlines())
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await find_flow(conn, identity.tenant_id, flow_id)
            saved = await save_intent(conn, identity.tenant_id, flow_id, intent, was or None)
            listed = await _list_values(conn, identity.tenant_id, flow_id)
    except Problem as problem:
        if problem.status != 422:
            raise
        return pages.render(
            request,
            "editor/_intent_form.html",
            status=422,
            flow_id=flow_id,
            intent=intent,
            was=was,
            examples=examples,
            errors=problem.fields,
        )
    said = f"{saved.name} saved with {len(saved.examples)} examples"
    return _list_answer(request, flow_id, listed, said, closes="intent-dialog")


@post("/flows/{flow_id:uuid}/intents/deletion", opt=WRITE, status_code=200, include_in_schema=False)
async def delete(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Take an intent away."""
    name = str((await request.form()).get("name", ""))
    async with db.tenant(identity.tenant_id) as conn:
        await delete_intent(conn, identity.tenant_id, flow_id, name)
        listed = await _list_values(conn, identity.tenant_id, flow_id)
    return _list_answer(request, flow_id, listed, f"{name} deleted")


@post("/flows/{flow_id:uuid}/intents/preview", opt=WRITE, status_code=200, include_in_schema=False, request_max_body_size=UPLOAD_BYTES)
async def preview(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Read an uploaded file and show what importing it would store."""
    data = await _uploaded(request)
    async with db.tenant(identity.tenant_id) as conn:
        await find_flow(conn, identity.tenant_id, flow_id)
        known = await count_examples(conn, identity.tenant_id, flow_id)
    try:
        found = examples_csv.preview(data)
    except UnreadableFile as error:
        return pages.render(request, "editor/_intent_preview.html", flow_id=flow_id, refused=str(error), found=None)
    return pages.render(
        request,
        "editor/_intent_preview.html",
        flow_id=flow_id,
        refused="",
        found=found,
        fresh=[name for name in found.intents if name not in known],
        rows=found.rows[:SHOWN_ROWS],
        problems=found.problems[:SHOWN_PROBLEMS],
    )


async def _uploaded(request: AnyRequest) -> bytes:
    upload = (await request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise Problem(422, "no_file", "Choose a CSV file with two columns: text and intent.", fields={"file": "Choose a file."})
    return await upload.read()


@post("/flows/{flow_id:uuid}/intents/import", opt=WRITE, status_code=200, include_in_schema=False, request_max_body_size=UPLOAD_BYTES)
async def import_file(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Store the examples of an uploaded file."""
    data = await _uploaded(request)
    try:
        found = examples_csv.preview(data)
    except UnreadableFile as error:
        raise Problem(422, error.code, str(error)) from None
    async with db.tenant(identity.tenant_id) as conn:
        await find_flow(conn, identity.tenant_id, flow_id)
        new, old = await add_examples(conn, identity.tenant_id, flow_id, ((row.text, row.intent) for row in found.rows))
        listed = await _list_values(conn, identity.tenant_id, flow_id)
    said = f"{new:,} examples imported" + (f", {old:,} were there already" if old else "")
    return _list_answer(request, flow_id, listed, said, closes="import-dialog")


def _list_answer(request: AnyRequest, flow_id: UUID, listed: dict[str, Any], said: str, closes: str = "") -> Response[str]:
    html = pages.fragment(request, "editor/_intent_list.html", flow_id=flow_id, writable=True, **listed)
    events: dict[str, Any] = {"toast": {"text": said, "variant": "success"}}
    if closes:
        events["dialog_close"] = {"id": closes}
    return pages.partials(request, [Partial("#intent-list", html, "innerHTML")], headers=pages.trigger(**events))


handlers = [intent_list, intent_form, save, delete, preview, import_file]
