"""Settings of the flow as a whole, and what it takes and gives as a part of other flows, in the dialog about it."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor import language_pages, trigger_pages, variable_pages
from server.editor.fields import as_number
from server.editor.flow_area import READ, WRITE, Refusal, area, change, changed, every, one, part_of
from server.editor.operate import edited, step_back, step_forward
from server.flows import draft as drafts
from server.flows.create import checked_description, checked_name
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.edit import set_fields
from server.flows.flow_settings import Input, Output, SetInterface, SetSettings
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.pages import Partial
from server.security.identity import Identity

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/general", opt=READ, include_in_schema=False)
async def general(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The tab with name, description and settings."""
    return await _tab(request, flow_id, db, identity, "general")


@get("/flows/{flow_id:uuid}/interface", opt=READ, include_in_schema=False)
async def interface(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The tab with inputs and outputs."""
    return await _tab(request, flow_id, db, identity, "interface")


async def _tab(request: AnyRequest, flow_id: UUID, db: Database, identity: Identity, part: str) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        history = await drafts.read_history(conn, draft, identity.member_id)
        values = await VALUES[part](conn, draft)
    return area(request, identity, draft, part, {**values, "history": history})


async def general_values(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """What the tab with the settings shows."""
    return {"given": _given(draft.document)}


def _given(document: Document) -> dict[str, Any]:
    settings = document.get("settings", {})
    quiet = settings.get("quiet_hours")
    return {
        "name": document["name"],
        "description": document.get("description", ""),
        "fallback_text": settings.get("fallback_text", ""),
        "typing": f"{settings['typing_ms'] / 1000:g}" if settings.get("typing_ms") else "",
        "budget": f"{settings['turn_budget_usd']:g}" if settings.get("turn_budget_usd") else "",
        "time_zone": settings.get("time_zone", ""),
        "quiet": bool(quiet),
        "quiet_from": quiet["from"] if quiet else "22:00",
        "quiet_to": quiet["to"] if quiet else "07:00",
    }


async def interface_values(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """What the tab with inputs and outputs shows."""
    given = draft.document.get("interface", {})
    names = sorted(draft.document.get("variables", {}), key=str.casefold)
    return {"inputs": given.get("inputs", []), "outputs": given.get("outputs", []), "names": names}


@post("/flows/{flow_id:uuid}/general", opt=WRITE, status_code=200, include_in_schema=False)
async def save_general(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Name, description and settings; one step of undo for each of the two."""
    form = await request.form()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        done: Any = await _save_name(conn, draft, identity, form)
        if not isinstance(done, Refusal):
            done = await _save_settings(conn, identity, flow_id, draft.document, form) or done
    if isinstance(done, Refusal):
        given = {**_given(draft.document), **{name: one(form, name) for name in FIELDS}, "quiet": "quiet" in form}
        html = pages.fragment(
            request, "editor/flow/_general.html", flow_id=flow_id, given=given, errors=done.errors, writable=True, part="general"
        )
        return pages.partials(request, [Partial("#general-form", html, "outerMorph")], status=422)
    name = done.draft.document["name"]
    return changed(request, done, [Partial("#flow-name", name, "textContent")])


FIELDS = ("name", "description", "fallback_text", "typing", "budget", "time_zone", "quiet_from", "quiet_to")


async def _save_name(conn: AsyncConnection, draft: Draft, identity: Identity, form: FormMultiDict) -> Any:
    try:
        wish = {"name": checked_name(one(form, "name")), "description": checked_description(one(form, "description"))}
    except Problem as problem:
        ((field, sentence),) = problem.fields.items()
        return Refusal(field, sentence)
    history = await drafts.read_history(conn, draft, identity.member_id)
    command = set_fields(draft.document, wish, "Rename the flow")
    saved = await drafts.do(conn, draft, identity.member_id, history, [command], f"flow-{uuid7().hex}")
    return await edited(conn, draft, saved, identity.member_id)


_OF_SETTING = {"typing_ms": "typing", "turn_budget_usd": "budget"}
"""The fields of the form whose name is not that of their setting."""


async def _save_settings(conn: AsyncConnection, identity: Identity, flow_id: UUID, document: Document, form: FormMultiDict) -> Any:
    """What changed of the settings, done; None when nothing did."""
    seconds = as_number(one(form, "typing"), whole=False)
    quiet = {"from": one(form, "quiet_from"), "to": one(form, "quiet_to")}
    wish = {
        "fallback_text": one(form, "fallback_text").strip() or None,
        "typing_ms": round(seconds * 1000) or None if isinstance(seconds, float) else seconds,
        "turn_budget_usd": as_number(one(form, "budget"), whole=False),
        "time_zone": one(form, "time_zone").strip() or None,
        "quiet_hours": quiet if "quiet" in form else None,
    }
    now = document.get("settings", {})
    different = {name: value for name, value in wish.items() if value != now.get(name)}
    if not different:
        return None
    done = await change(conn, identity, flow_id, SetSettings(different))
    return Refusal(_OF_SETTING.get(done.field, done.field), done.sentence) if isinstance(done, Refusal) else done


@post("/flows/{flow_id:uuid}/interface", opt=WRITE, status_code=200, include_in_schema=False)
async def save_interface(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """What the flow takes and gives."""
    form = await request.form()
    needed = zip(every(form, "input.name"), every(form, "input.required"), strict=False)
    inputs = [Input(name, required == "yes") for name, required in needed if name]
    outputs = [Output(name) for name in every(form, "output.name") if name]
    async with db.tenant(identity.tenant_id) as conn:
        done = await change(conn, identity, flow_id, SetInterface(inputs, outputs))
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    if isinstance(done, Refusal):
        values = {**await interface_values_of(inputs, outputs, draft), "errors": done.errors}
        html = pages.fragment(request, "editor/flow/_interface.html", flow_id=flow_id, writable=True, part="interface", **values)
        return pages.partials(request, [Partial("#interface-form", html, "outerMorph")], status=422)
    macros = pages.macros(request, "editor/flow/_parts.html")
    return changed(request, done, [Partial(f"#interface-{side}-error", macros.nothing(), "innerHTML") for side in ("inputs", "outputs")])


async def interface_values_of(inputs: list[Input], outputs: list[Output], draft: Draft) -> dict[str, Any]:
    """What a refused form shows again."""
    return {
        "inputs": [{"name": one.name, "required": one.required} for one in inputs],
        "outputs": [{"name": one.name} for one in outputs],
        "names": sorted(draft.document.get("variables", {}), key=str.casefold),
    }


@post("/flows/{flow_id:uuid}/area/undo", opt=WRITE, status_code=200, include_in_schema=False)
async def undo(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Take back the last thing this person did, and show the tab as it is then."""
    return await _step(request, flow_id, db, identity, "undo")


@post("/flows/{flow_id:uuid}/area/redo", opt=WRITE, status_code=200, include_in_schema=False)
async def redo(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Do again what this person took back last, and show the tab as it is then."""
    return await _step(request, flow_id, db, identity, "redo")


async def _step(request: AnyRequest, flow_id: UUID, db: Database, identity: Identity, way: str) -> Response[str]:
    part = one(await request.form(), "part")
    async with db.tenant(identity.tenant_id) as conn:
        done = await (step_back if way == "undo" else step_forward)(conn, identity.tenant_id, flow_id, identity.member_id)
        values = await VALUES[part](conn, done.draft) if part in VALUES else None
    parts = [] if values is None else [part_of(request, done.draft, part, values)]
    return changed(request, done, [*parts, Partial("#flow-name", done.draft.document["name"], "textContent")])


VALUES = {
    "general": general_values,
    "variables": variable_pages.tab_values,
    "triggers": trigger_pages.tab_values,
    "languages": language_pages.tab_values,
    "interface": interface_values,
}
"""For each tab what it shows."""

handlers = [general, interface, save_general, save_interface, undo, redo]
