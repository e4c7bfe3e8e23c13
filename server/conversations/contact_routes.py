"""Customers over HTTP: who they are, what is known of them, which of them are one person."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.status_codes import HTTP_201_CREATED
from msgspec import UNSET, Meta, Struct, UnsetType
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations import contacts, queries
from server.kit.db import Database
from server.security.identity import Identity

ROUTE = "/api/v2/chat/contacts"
READ = {"permission": "conversations:read"}
WRITE = {"permission": "conversations:write"}


class ContactSummary(Struct):
    """A customer. `external_id` is the channel's own name for them."""

    id: UUID
    channel_id: UUID
    external_id: str
    name: str | None
    language: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "ContactSummary":
        """The customer in a row of the queries."""
        return cls(row.id, row.channel_id, row.external_id, row.name, row.language, row.created_at)


class ContactDetail(ContactSummary):
    """A customer with their variables (`attributes`) and the contacts of other channels that are the same person."""

    attributes: dict[str, Any]
    merged_into: UUID | None
    merged: list[ContactSummary]


class ContactPage(Struct):
    """Some customers, and the cursor of the next ones."""

    data: list[ContactSummary]
    next: str | None


class ContactChange(Struct, forbid_unknown_fields=True):
    """What shall be different; `attributes` are all variables, those left out are forgotten."""

    name: Annotated[str, Meta(max_length=200)] | UnsetType | None = UNSET
    language: Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] | UnsetType | None = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET


class Merge(Struct, forbid_unknown_fields=True):
    """The contact that is the same person."""

    contact_id: UUID


@get(ROUTE, opt=READ)
async def list_contacts(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    limit: FromQuery[int] = queries.PAGE,
    cursor: FromQuery[str | None] = None,
    q: FromQuery[str] = "",
) -> ContactPage:
    """Customers, the newest first; `q` searches their names and what their channels call them."""
    queries.check_limit(limit)
    async with db.tenant(identity.tenant_id) as conn:
        rows, after = await contacts.list_contacts(conn, identity.tenant_id, q=q, limit=limit, cursor=cursor)
    return ContactPage([ContactSummary.of(row) for row in rows], after)


@get(f"{ROUTE}/{{contact_id:uuid}}", opt=READ)
async def show_contact(contact_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> ContactDetail:
    """One customer with their variables."""
    async with db.tenant(identity.tenant_id) as conn:
        return await _detail(conn, identity.tenant_id, contact_id)


@patch(f"{ROUTE}/{{contact_id:uuid}}", opt=WRITE)
async def change_contact(
    contact_id: FromPath[UUID], data: JSONBody[ContactChange], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> ContactDetail:
    """Change what is known of a customer. Conversations under way keep what they know; the next one begins with this."""
    changes = {name: getattr(data, name) for name in data.__struct_fields__ if getattr(data, name) is not UNSET}
    if "attributes" in changes:
        changes["attributes"] = contacts.check_variables(changes["attributes"])
    async with db.tenant(identity.tenant_id) as conn:
        await contacts.change_contact(conn, identity.tenant_id, contact_id, changes)
        return await _detail(conn, identity.tenant_id, contact_id)


@post(f"{ROUTE}/{{contact_id:uuid}}/merges", opt=WRITE, status_code=HTTP_201_CREATED)
async def merge(
    contact_id: FromPath[UUID], data: JSONBody[Merge], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> ContactDetail:
    """Say that another contact is the same person: both know the variables of both, and their conversations stand together."""
    async with db.tenant(identity.tenant_id) as conn:
        await contacts.merge_contacts(conn, identity.tenant_id, contact_id, data.contact_id)
        return await _detail(conn, identity.tenant_id, contact_id)


@delete(f"{ROUTE}/{{contact_id:uuid}}/merges/{{other_id:uuid}}", opt=WRITE)
async def part(
    contact_id: FromPath[UUID], other_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> None:
    """Take a merge back."""
    async with db.tenant(identity.tenant_id) as conn:
        await contacts.part_contacts(conn, identity.tenant_id, contact_id, other_id)


async def _detail(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID) -> ContactDetail:
    row = await contacts.find_contact(conn, tenant_id, contact_id)
    merged = [ContactSummary.of(one) for one in await contacts.merged_contacts(conn, tenant_id, contact_id)]
    summary = ContactSummary.of(row)
    shown = {name: getattr(summary, name) for name in summary.__struct_fields__}
    return ContactDetail(**shown, attributes=row.attributes, merged_into=row.merged_into, merged=merged)


handlers = [list_contacts, show_contact, change_contact, merge, part]
