"""The pages of customers: the list, and one of them with variables, conversations and the contacts that are the same person."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from server.conversations import contacts
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
ADDRESS = "/conversations/contacts"
READ = {"permission": "conversations:read"}
WRITE = {"permission": "conversations:write"}
KINDS = {"text": "Text", "number": "Number", "flag": "Yes or no", "json": "Other (JSON)"}
PAGE = 50
_FLAGS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@get(ADDRESS, opt=READ, include_in_schema=False)
async def show_contacts(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    q: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """Customers, the newest first."""
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await contacts.list_contacts(conn, identity.tenant_id, q=q, limit=PAGE, cursor=cursor or None)
    kept = {"q": q} if q else {}
    return pages.render(
        request,
        "conversations/contacts.html",
        rows=rows,
        q=q,
        address=ADDRESS,
        next_url=f"{ADDRESS}?{urlencode({**kept, 'cursor': after})}" if after else None,
        first_url=f"{ADDRESS}?{urlencode(kept)}" if cursor else "",
    )


@get(f"{ADDRESS}/{{contact_id:uuid}}", opt=READ, include_in_schema=False)
async def show_contact(
    request: AnyRequest,
    contact_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    same: FromQuery[str] = "",
) -> Response[str]:
    """One customer; `same` searches for contacts that may be the same person."""
    return await _page(request, db, identity, contact_id, same=same)


@post(f"{ADDRESS}/{{contact_id:uuid}}", opt=WRITE, include_in_schema=False)
async def submit_contact(
    request: AnyRequest, contact_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Keep the name, the language and the variables."""
    form = await request.form()
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await contacts.find_contact(conn, identity.tenant_id, contact_id)
            changes = {
                "name": _text(form, "name")[:200] or None,
                "language": _text(form, "language")[:35] or None,
                "attributes": contacts.check_variables(dict(_variables(form))),
            }
            await contacts.change_contact(conn, identity.tenant_id, contact_id, changes)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(request, db, identity, contact_id, problem=problem, form=form)
    return pages.go_to(request, f"{ADDRESS}/{contact_id}")


@post(f"{ADDRESS}/{{contact_id:uuid}}/merges", opt=WRITE, include_in_schema=False)
async def submit_merge(
    request: AnyRequest, contact_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Say that another contact is the same person."""
    other = _text(await request.form(), "other")
    async with db.tenant(identity.tenant_id) as conn:
        await contacts.find_contact(conn, identity.tenant_id, contact_id)
        try:
            other_id = UUID(other)
        except ValueError:
            raise Problem(422, "nothing_chosen", "Choose the contact that is the same person.", fields={"other": "Choose one."}) from None
        await contacts.merge_contacts(conn, identity.tenant_id, contact_id, other_id)
    return pages.go_to(request, f"{ADDRESS}/{contact_id}")


@post(f"{ADDRESS}/{{contact_id:uuid}}/merges/{{other_id:uuid}}/removal", opt=WRITE, include_in_schema=False)
async def submit_part(
    request: AnyRequest,
    contact_id: FromPath[UUID],
    other_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Take a merge back."""
    async with db.tenant(identity.tenant_id) as conn:
        await contacts.part_contacts(conn, identity.tenant_id, contact_id, other_id)
    return pages.go_to(request, f"{ADDRESS}/{contact_id}")


async def _page(
    request: AnyRequest,
    db: Database,
    identity: Identity,
    contact_id: UUID,
    *,
    same: str = "",
    problem: Problem | None = None,
    form: FormMultiDict | None = None,
) -> Response[str]:
    tenant_id = identity.tenant_id
    async with db.tenant(tenant_id) as conn:
        row = await contacts.find_contact(conn, tenant_id, contact_id)
        merged = await contacts.merged_contacts(conn, tenant_id, contact_id)
        talks = await contacts.conversations_of(conn, tenant_id, contact_id)
        found = (await contacts.list_contacts(conn, tenant_id, q=same, limit=10))[0] if same.strip() else []
    return pages.render(
        request,
        "conversations/contact.html",
        status=200 if problem is None else problem.status,
        row=row,
        merged=merged,
        talks=talks,
        same=same,
        candidates=[one for one in found if one.id != contact_id],
        variables=_shown(row.attributes) if form is None else list(_given(form)),
        name=row.name if form is None else _text(form, "name"),
        language=row.language if form is None else _text(form, "language"),
        problem=problem,
        kinds=KINDS,
        address=ADDRESS,
        may_write=allows(identity.role, "conversations:write"),
    )


def _shown(attributes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(name, kind, text) of each variable as the form has it."""
    return [(name, *_form_value(value)) for name, value in sorted(attributes.items())]


def _form_value(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "flag", "yes" if value else "no"
    if isinstance(value, int | float):
        return "number", str(value)
    return "json", json.dumps(value, ensure_ascii=False)


def _given(form: FormMultiDict) -> Iterator[tuple[str, str, str]]:
    names, kinds, values = (form.getall(field, []) for field in ("variable", "kind", "value"))
    yield from zip(map(str, names), map(str, kinds), map(str, values), strict=False)


def _variables(form: FormMultiDict) -> Iterator[tuple[str, Any]]:
    """The variables of the form; a row without a name is left out. Raises Problem 422."""
    for name, kind, text in _given(form):
        if name.strip():
            yield name.strip(), _value(name.strip(), kind, text.strip())


def _value(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "number":
            number = float(text)
            return int(text) if text.lstrip("-").isdecimal() else _finite(number)
        if kind == "flag":
            return _FLAGS[text.lower()]
        return json.loads(text, parse_constant=_refuse_constant) if kind == "json" else text
    except (ValueError, KeyError):
        words = {"number": "a number, such as 12.5", "flag": "yes or no", "json": 'JSON, such as ["a", "b"]'}[kind]
        sentence = f'"{name[:100]}" needs {words}.'
        raise Problem(422, "invalid", sentence, fields={"attributes": sentence}) from None


def _finite(number: float) -> float:
    if number != number or abs(number) == float("inf"):
        raise ValueError("not finite")
    return number


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)


def _text(form: FormMultiDict, field: str) -> str:
    return str(form.get(field) or "").replace("\0", "").strip()


handlers = [show_contacts, show_contact, submit_contact, submit_merge, submit_part]
