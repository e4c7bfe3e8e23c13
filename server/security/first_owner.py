"""The owner of a fresh installation, and the link by which whoever starts the server becomes that person."""

import json
from pathlib import Path
from uuid import UUID

from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.settings import Settings
from server.security.links import create_owner_link
from server.tenants import queries
from server.tenants.create_workspace import create_workspace

EMAIL = "owner@localhost"
NOTE = "owner.json"


async def first_owner(db: Database, settings: Settings) -> tuple[UUID, UUID]:
    """(tenant, member) of the installation's owner, made on the first start; the data folder remembers who it is."""
    note = settings.data_dir / NOTE
    known = _read(note)
    if known and await _is_there(db, *known):
        return known
    members = await queries.members_by_email(db, EMAIL)
    owner = (members[0].tenant_id, members[0].id) if members else await _make(db)
    note.write_text(json.dumps({"tenant_id": str(owner[0]), "member_id": str(owner[1])}))
    return owner


def first_workspace(settings: Settings) -> UUID | None:
    """The workspace made on the first start, as the data folder remembers it."""
    known = _read(settings.data_dir / NOTE)
    return None if known is None else known[0]


async def owner_link(db: Database, settings: Settings, owner: tuple[UUID, UUID]) -> str:
    """An address that signs the owner in once; for the operator's terminal only."""
    return f"{settings.public_url}/sign-in/link?token={await create_owner_link(db, *owner)}"


async def _is_there(db: Database, tenant_id: UUID, member_id: UUID) -> bool:
    async with db.tenant(tenant_id) as connection:
        member = await queries.member(connection, tenant_id, member_id)
    return member is not None and member.disabled_at is None


async def _make(db: Database) -> tuple[UUID, UUID]:
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        member_id = await create_workspace(
            connection, tenant_id, name="My workspace", account_id=uuid7(), owner_name="Owner", owner_email=EMAIL
        )
    return tenant_id, member_id


def _read(note: Path) -> tuple[UUID, UUID] | None:
    if not note.exists():
        return None
    known = json.loads(note.read_text())
    return UUID(known["tenant_id"]), UUID(known["member_id"])
