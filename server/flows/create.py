"""Making a flow."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.flows.document import Document, new_document
from server.flows.draft import Draft
from server.flows.tables import flows
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.names import is_turned, is_visible

MAX_NAME = 200
MAX_DESCRIPTION = 2_000


async def create_flow(conn: AsyncConnection, tenant_id: UUID, name: str, description: str = "") -> Draft:
    """A new flow without steps; Problem 422 for a name that is empty or too long."""
    return await store_flow(conn, tenant_id, new_document(checked_name(name), checked_description(description)))


def checked_name(name: str) -> str:
    """The name without spaces around it; Problem 422 for one that is empty, too long, or reads differently from what it is."""
    cleaned = " ".join(name.replace("\x00", "").split())
    if not is_visible(cleaned):
        sentence = "Give the flow a name."
    elif len(cleaned) > MAX_NAME:
        sentence = f"A name has at most {MAX_NAME} characters."
    elif is_turned(cleaned):
        sentence = "There are characters in the name that turn its letters around. Leave them out."
    else:
        return cleaned
    raise Problem(422, "bad_name", sentence, fields={"name": sentence})


def checked_description(description: str) -> str:
    """The description without spaces around it."""
    cleaned = description.replace("\x00", "").strip()
    if len(cleaned) > MAX_DESCRIPTION:
        sentence = f"A description has at most {MAX_DESCRIPTION} characters."
        raise Problem(422, "bad_description", sentence, fields={"description": sentence})
    return cleaned


async def store_flow(conn: AsyncConnection, tenant_id: UUID, document: Document) -> Draft:
    """A new flow with this draft, which has every part it needs."""
    flow_id = uuid7()
    await conn.execute(
        insert(flows).values(
            tenant_id=tenant_id,
            id=flow_id,
            name=document["name"],
            description=document["description"],
            draft=document,
            draft_rev=1,
        )
    )
    return Draft(tenant_id, flow_id, document, 1, None)
