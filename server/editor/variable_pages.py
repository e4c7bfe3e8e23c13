"""The variables of a flow, in the dialog about it: what they are, where they are set and read, another name, no more."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor.fields import as_number
from server.editor.flow_area import READ, WRITE, Refusal, area, change, changed, one, part_of
from server.flows import draft as drafts
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.library import KINDS
from server.flows.operations import Operation
from server.flows.variables import SCOPES, TYPES, DeleteVariable, RenameVariable, SetVariable, Uses, uses
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.pages import Partial
from server.security.identity import Identity

TYPE_WORDS = dict(
    zip(TYPES, ("Text", "Number", "Yes or no", "Date", "Date and time", "List", "Record (JSON)", "File"), strict=True),
)
SCOPE_WORDS = dict(
    zip(
        SCOPES,
        ("for this turn", "for this run of the flow", "for this conversation", "with this contact", "for the whole bot"),
        strict=True,
    )
)
MAX_DESCRIPTION = 500

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/variables", opt=READ, include_in_schema=False)
async def variables(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The tab with the variables."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        history = await drafts.read_history(conn, draft, identity.member_id)
    return area(request, identity, draft, "variables", {**values_of(draft.document), "history": history})


def values_of(document: Document) -> dict[str, Any]:
    """What the tab shows."""
    found = uses(document, KINDS)
    declared = document.get("variables", {})
    return {
        "declared": [_listed(name, declared[name], found[name]) for name in sorted(declared, key=str.casefold)],
        "others": [_listed(name, {}, found[name]) for name in sorted(found, key=str.casefold) if name not in declared],
        "types": TYPE_WORDS,
        "scopes": SCOPE_WORDS,
    }


def _listed(name: str, about: Mapping[str, Any], found: Uses) -> dict[str, Any]:
    return {
        "name": name,
        "type": about.get("type", "text"),
        "scope": about.get("scope", "flow"),
        "personal": about.get("personal", False),
        "description": about.get("description", ""),
        "default": shown_default(about.get("type", "text"), about.get("default")),
        "set": found.set,
        "read": found.read,
    }


def shown_default(kind: str, value: Any) -> str:
    """The value a variable starts with, as its control holds it."""
    if value is None:
        return ""
    if kind == "list" and isinstance(value, list):
        return "\n".join(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value)
    if kind == "boolean":
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def read_default(kind: str, text: str) -> Any:
    """The value in a control; ValueError with a sentence when it is none of that type."""
    cleaned = text.strip()
    if not cleaned or kind == "file":
        return None
    match kind:
        case "number":
            number = as_number(cleaned, whole=False)
            if isinstance(number, str):
                raise ValueError("Write a number, such as 3 or 2.5.")
            return number
        case "boolean":
            return cleaned == "yes"
        case "list":
            return [line.strip() for line in cleaned.split("\n") if line.strip()]
        case "object":
            return _object(cleaned)
    return text if kind == "text" else cleaned


def _object(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f'This is not JSON such as {{"size": 3}}: {error}.') from None
    if not isinstance(value, dict):
        raise ValueError('Write a record in braces, such as {"size": 3}.')
    return value


@post("/flows/{flow_id:uuid}/variables", opt=WRITE, status_code=200, include_in_schema=False)
async def add(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Declare a variable, or one that steps set already."""
    form = await request.form()
    name = one(form, "name").strip()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        given = {"name": name, "type": one(form, "type") or "text", "scope": one(form, "scope") or "flow"}
        if name in draft.document.get("variables", {}):
            done: Any = Refusal("name", f"There is a variable called “{name}” already.")
        else:
            done = await change(conn, identity, flow_id, _operation(given))
    if isinstance(done, Refusal):
        return _refused_new(request, flow_id, given, done)
    return changed(request, done, [part_of(request, done.draft, "variables", {**values_of(done.draft.document), "opened": name})])


def _operation(given: Mapping[str, Any]) -> SetVariable:
    try:
        return msgspec.convert(given, SetVariable)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_variable", f"This variable cannot be read: {error}.") from None


def _refused_new(request: AnyRequest, flow_id: UUID, given: Mapping[str, Any], refusal: Refusal) -> Response[str]:
    macros = pages.macros(request, "editor/flow/_variables_parts.html")
    html = macros.new_variable(flow_id, TYPE_WORDS, SCOPE_WORDS, given, refusal.errors)
    return pages.partials(request, [Partial("#new-variable", html, "outerMorph")], status=422)


@post("/flows/{flow_id:uuid}/variables/{name:str}", opt=WRITE, status_code=200, include_in_schema=False)
async def save(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    name: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Say something else of a variable. The control of its first value follows its type."""
    form = await request.form()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        before = _known(draft, name)
        given, errors = _read(form, name, before)
        done: Any = Refusal("", "") if errors else await change(conn, identity, flow_id, _operation(given))
    macros = pages.macros(request, "editor/flow/_variables_parts.html")
    if isinstance(done, Refusal):
        shown = {**_listed(name, given, Uses()), "default": one(form, "default")}
        errors = errors or done.errors
        html = macros.variable_form(flow_id, shown, TYPE_WORDS, SCOPE_WORDS, True, errors)
        return pages.partials(request, [Partial(f"#variable-form-{name}", html, "outerMorph")], status=422)
    shown = next(item for item in values_of(done.draft.document)["declared"] if item["name"] == name)
    parts = [Partial(f"#variable-words-{name}", macros.words(shown, TYPE_WORDS, SCOPE_WORDS), "innerHTML")]
    if before.get("type") != given["type"]:
        parts.append(Partial(f"#variable-default-{name}", macros.default_control(shown, {}), "outerHTML"))
    return changed(request, done, parts)


def _known(draft: Draft, name: str) -> dict[str, Any]:
    about: dict[str, Any] | None = draft.document.get("variables", {}).get(name)
    if about is None:
        raise Problem(404, "not_found", "This variable is gone: somebody renamed or deleted it. Open the variables again.")
    return about


def _read(form: FormMultiDict, name: str, before: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """(what the form says of a variable, a sentence for each field that cannot be stored)."""
    kind, errors = one(form, "type"), {}
    default = before.get("default")
    if kind != before.get("type"):
        default = None
    elif "default" in form:
        try:
            default = read_default(kind, one(form, "default"))
        except ValueError as error:
            errors["default"] = str(error)
    description = one(form, "description").strip()
    if len(description) > MAX_DESCRIPTION:
        errors["description"] = f"Use at most {MAX_DESCRIPTION} characters."
    given = {"name": name, "type": kind, "scope": one(form, "scope"), "default": default, "personal": "personal" in form}
    return {**given, "description": description}, errors


@post("/flows/{flow_id:uuid}/variables/{name:str}/name", opt=WRITE, status_code=200, include_in_schema=False)
async def rename(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    name: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Another name, wherever the variable stands."""
    to = one(await request.form(), "name").strip()
    return await _done(request, flow_id, db, identity, RenameVariable(name, to), name, to)


@post("/flows/{flow_id:uuid}/variables/{name:str}/deletion", opt=WRITE, status_code=200, include_in_schema=False)
async def delete(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    name: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Take a variable away."""
    return await _done(request, flow_id, db, identity, DeleteVariable(name), name, "")


async def _done(
    request: AnyRequest, flow_id: UUID, db: Database, identity: Identity, operation: Operation, name: str, opened: str
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        done = await change(conn, identity, flow_id, operation)
    if isinstance(done, Refusal):
        macros = pages.macros(request, "editor/flow/_variables_parts.html")
        html = macros.rename_form(flow_id, name, opened, done.errors)
        return pages.partials(request, [Partial(f"#variable-name-{name}", html, "outerMorph")], status=422)
    return changed(request, done, [part_of(request, done.draft, "variables", {**values_of(done.draft.document), "opened": opened})])


async def tab_values(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """What the tab shows after an undo."""
    return values_of(draft.document)


handlers = [variables, add, save, rename, delete]
