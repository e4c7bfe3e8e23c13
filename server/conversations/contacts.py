"""Customers: what is known of each, and which of them are one person.

A person who writes by several channels is several contacts, because each channel has its own address for them. Merging ties them together:
they share their variables from then on, and their conversations are shown together. Nothing is moved, so they can be parted again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.tables import channels
from server.conversations.tables import contacts, conversations
from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import Problem, not_found

MOST_VARIABLES = 200
_SHOWN = ("id", "channel_id", "external_id", "name", "language", "attributes", "created_at", "merged_into")


def _contacts() -> Any:
    place = and_(channels.c.tenant_id == contacts.c.tenant_id, channels.c.id == contacts.c.channel_id)
    kinds = channels.c.name.label("channel_name"), channels.c.kind.label("channel_kind")
    return select(*(contacts.c[name] for name in _SHOWN), *kinds).outerjoin(channels, place)


async def list_contacts(
    conn: AsyncConnection, tenant_id: UUID, *, q: str = "", limit: int = 50, cursor: str | None = None
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of people, the newest first, and where the next page starts; a merged contact is found under the one it went to."""
    query = _contacts().where(contacts.c.tenant_id == tenant_id, contacts.c.merged_into.is_(None))
    if q := q.replace("\0", "").strip()[:200]:
        pattern = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        other = contacts.alias()
        called = or_(other.c.name.ilike(pattern), other.c.external_id.ilike(pattern))
        same = other.c.tenant_id == tenant_id, func.coalesce(other.c.merged_into, other.c.id) == contacts.c.id
        query = query.where(select(1).where(*same, called).exists())
    if cursor is not None:
        query = query.where(tuple_(contacts.c.created_at, contacts.c.id) < tuple_(*read_cursor(cursor, tuple[datetime, UUID])))
    rows = (await conn.execute(query.order_by(contacts.c.created_at.desc(), contacts.c.id.desc()).limit(limit + 1))).all()
    after = write_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return rows[:limit], after


async def find_contact(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID) -> Row[Any]:
    """One contact; Problem 404."""
    query = _contacts().where(contacts.c.tenant_id == tenant_id, contacts.c.id == contact_id)
    row: Row[Any] | None = (await conn.execute(query)).one_or_none()
    if row is None:
        raise not_found("contact")
    return row


async def merged_contacts(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID) -> Sequence[Row[Any]]:
    """The contacts that were merged into this one."""
    query = _contacts().where(contacts.c.tenant_id == tenant_id, contacts.c.merged_into == contact_id)
    return (await conn.execute(query.order_by(contacts.c.created_at))).all()


async def conversations_of(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID, limit: int = 20) -> Sequence[Row[Any]]:
    """The newest conversations of the person, by whichever of their contacts."""
    theirs = select(contacts.c.id).where(contacts.c.tenant_id == tenant_id, or_(*_of(contact_id)))
    shown = [conversations.c[name] for name in ("id", "channel_id", "status", "outcome", "last_seq", "started_at", "updated_at")]
    place = and_(channels.c.tenant_id == conversations.c.tenant_id, channels.c.id == conversations.c.channel_id)
    query: Any = (
        select(*shown, channels.c.name.label("channel_name"))
        .outerjoin(channels, place)
        .where(conversations.c.tenant_id == tenant_id, conversations.c.contact_id.in_(theirs), conversations.c.is_test.is_(False))
    )
    rows: Sequence[Row[Any]] = (await conn.execute(query.order_by(conversations.c.updated_at.desc()).limit(limit))).all()
    return rows


async def change_contact(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID, changes: Mapping[str, Any]) -> None:
    """Give a contact another name or language, or other variables (`attributes`, all of them); their other contacts get the variables too.

    A conversation that is under way keeps what it knows; the next one begins with what is written here.
    """
    await find_contact(conn, tenant_id, contact_id)
    own = {name: value for name, value in changes.items() if name in ("name", "language", "attributes")}
    if own:
        await conn.execute(update(contacts).where(contacts.c.tenant_id == tenant_id, contacts.c.id == contact_id).values(own))
    if "attributes" in own:
        others = contacts.c.tenant_id == tenant_id, contacts.c.merged_into == contact_id
        await conn.execute(update(contacts).where(*others).values(attributes=own["attributes"]))


async def merge_contacts(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID, other_id: UUID) -> None:
    """Tie `other_id`, with all that were merged into it, to `contact_id`: one person from now on.

    Both know the variables of both; where they differ, those of `contact_id` count. Problem 409 for a contact that is merged already.
    """
    pair = contacts.c.tenant_id == tenant_id, contacts.c.id.in_((contact_id, other_id))
    rows = await conn.execute(select(contacts).where(*pair).order_by(contacts.c.id).with_for_update())
    found = {row.id: row for row in rows}
    for wanted in (contact_id, other_id):
        if wanted not in found:
            raise not_found("contact")
        if found[wanted].merged_into is not None:
            raise _refused("One of them is merged into another contact already. Part them first, or merge that one.")
    if contact_id == other_id:
        raise _refused("A contact cannot be merged with itself. Choose another one.")
    known = {**found[other_id].attributes, **found[contact_id].attributes}
    tied = or_(*_of(other_id))
    await conn.execute(update(contacts).where(contacts.c.tenant_id == tenant_id, tied).values(merged_into=contact_id))
    name, language = (getattr(found[contact_id], field) or getattr(found[other_id], field) for field in ("name", "language"))
    await change_contact(conn, tenant_id, contact_id, {"name": name, "language": language, "attributes": known})


async def part_contacts(conn: AsyncConnection, tenant_id: UUID, contact_id: UUID, other_id: UUID) -> None:
    """Take a merge back: `other_id` is a person of its own again, and keeps the variables it has now."""
    tied = contacts.c.tenant_id == tenant_id, contacts.c.id == other_id, contacts.c.merged_into == contact_id
    parted = await conn.execute(update(contacts).where(*tied).values(merged_into=None))
    if parted.rowcount == 0:
        raise not_found("merged contact")


def check_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """Variables that can be kept of a contact; Problem 422."""
    if len(given) > MOST_VARIABLES:
        raise _invalid(f"A contact has at most {MOST_VARIABLES} variables.")
    for name in given:
        if not name.strip() or len(name) > 100 or "\0" in name:
            raise _invalid("The name of a variable has 1 to 100 characters.")
    return dict(given)


def _of(contact_id: UUID) -> tuple[Any, Any]:
    return contacts.c.id == contact_id, contacts.c.merged_into == contact_id


def _refused(sentence: str) -> Problem:
    return Problem(409, "cannot_merge", sentence, fields={"contact_id": sentence})


def _invalid(sentence: str) -> Problem:
    return Problem(422, "invalid", sentence, fields={"attributes": sentence})
