"""Files that customers send: kept once they are known to be what we take, said with a message, read by links that soon end."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast
from uuid import UUID

import jwt
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.file_kinds import Refused, media_type_of
from server.conversations.one_file import FIELD, ReceivedFile
from server.conversations.processing.contract import Aids, Given
from server.conversations.processing.plan import Plan
from server.conversations.processing.problems import problem_of
from server.conversations.processing.run import NotLetThrough, process_file
from server.conversations.tables import uploads
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.files import Files, Folder
from server.kit.ids import uuid7
from server.kit.jobs import enqueue
from server.kit.secrets import Vault
from server.kit.settings import Settings

LINK_LASTS = timedelta(hours=1)
LINK_OF_A_FLOW_LASTS = timedelta(days=1)
UNUSED_KEPT = timedelta(days=1)
MOST_PER_CONVERSATION = 100
DROP_JOB = "conversations.drop_unused_upload"

_AUDIENCE = "file"
_ALGORITHM = "HS256"
_CLAIMS = ["tenant", "file", "exp", "aud"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose upload it is: a conversation's, or a member's, who may use it in any conversation of the workspace."""

    tenant_id: UUID
    conversation_id: UUID | None = None
    member_id: UUID | None = None


def files_of(settings: Settings) -> Files:
    """The store of this installation."""
    return Folder(settings.data_dir / "files")


async def keep_upload(db: Database, files: Files, owner: Owner, given: ReceivedFile, plan: Plan = (), aids: Aids | None = None) -> Row[Any]:
    """Keep a file that came in; Problem 415, 422, 429 or 503. It is dropped again when no message has it within a day.

    It goes through the stages of `plan` first.
    """
    await _check_room(db, owner)
    content, upload_id = cast(BinaryIO, given.content), uuid7()
    key = f"{owner.tenant_id}/{upload_id.hex[:6]}/{upload_id}"
    try:
        media_type = await asyncio.to_thread(media_type_of, content, given.name)
        file, found = Given(content, given.name, media_type, given.size), None
        if plan and aids is not None:
            file, found = await process_file(plan, file, aids)
    except Refused as refusal:
        raise Problem(415, "file_refused", str(refusal), fields={FIELD: str(refusal)}) from None
    except NotLetThrough as refused:
        raise problem_of(refused, FIELD) from None
    digest = await asyncio.to_thread(_keep, files, file.content, key)
    values = {
        "tenant_id": owner.tenant_id,
        "id": upload_id,
        "conversation_id": owner.conversation_id,
        "member_id": owner.member_id,
        "name": given.name,
        "media_type": media_type,
        "size": file.size,
        "sha256": digest,
        "key": key,
        "annotations": found or None,
    }
    async with db.tenant(owner.tenant_id) as conn:
        row = (await conn.execute(insert(uploads).values(values).returning(*uploads.c))).one()
        await enqueue(conn, owner.tenant_id, DROP_JOB, {"upload_id": str(upload_id)}, clock.now() + UNUSED_KEPT)
    return row


def _keep(files: Files, content: BinaryIO, key: str) -> bytes:
    content.seek(0)
    digest = hashlib.sha256()
    while chunk := content.read(256 * 1024):
        digest.update(chunk)
    content.seek(0)
    files.put(key, content)
    return digest.digest()


async def _check_room(db: Database, owner: Owner) -> None:
    if owner.conversation_id is None:
        return
    theirs = uploads.c.tenant_id == owner.tenant_id, uploads.c.conversation_id == owner.conversation_id
    async with db.tenant(owner.tenant_id) as conn:
        count = await conn.scalar(select(func.count()).select_from(uploads).where(*theirs))
    if count is not None and count >= MOST_PER_CONVERSATION:
        raise Problem(429, "too_many_files", f"A conversation has at most {MOST_PER_CONVERSATION} files. Start a new one to send more.")


async def find_upload(conn: AsyncConnection, owner: Owner, upload_id: UUID) -> Row[Any]:
    """An upload that the owner may see: a member every one of the workspace, a conversation its own; Problem 404."""
    row: Row[Any] | None = (await conn.execute(select(uploads).where(*_within(owner), uploads.c.id == upload_id))).one_or_none()
    if row is None:
        raise not_found("file")
    return row


async def use_uploads(conn: AsyncConnection, owner: Owner, ids: Sequence[UUID]) -> list[Row[Any]]:
    """The uploads of a message, in its order; from now on they are kept. Problem 422 when one is not there for the owner."""
    statement = update(uploads).where(*_within(owner), uploads.c.id.in_(ids)).values(used_at=func.coalesce(uploads.c.used_at, clock.now()))
    found = {row.id: row for row in await conn.execute(statement.returning(*uploads.c))}
    if missing := [str(one) for one in ids if one not in found]:
        sentence = f"There is no upload {missing[0]} here. Send the file first, then the message."
        raise Problem(422, "invalid", sentence, fields={"attachments": sentence})
    return [found[one] for one in ids]


def _within(owner: Owner) -> list[Any]:
    mine = [uploads.c.tenant_id == owner.tenant_id]
    return mine if owner.conversation_id is None else [*mine, uploads.c.conversation_id == owner.conversation_id]


async def drop_unused(db: Database, files: Files, tenant_id: UUID, upload_id: UUID) -> bool:
    """Forget an upload that no message has; whether it was forgotten."""
    unused = uploads.c.tenant_id == tenant_id, uploads.c.id == upload_id, uploads.c.used_at.is_(None)
    async with db.tenant(tenant_id) as conn:
        key = await conn.scalar(delete(uploads).where(*unused).returning(uploads.c.key))
        if key is not None:
            await asyncio.to_thread(files.remove, key)
    return key is not None


class FileLinks:
    """Makes and reads the addresses at which files can be fetched for a while."""

    def __init__(self, vault: Vault, public_url: str) -> None:
        self._key = vault.derive("file links")
        self._public_url = public_url

    def url(self, tenant_id: UUID, upload_id: UUID, lasts: timedelta = LINK_LASTS, now: datetime | None = None) -> str:
        """An address that opens the file to whoever has it, until it ends."""
        claims = {"tenant": str(tenant_id), "file": str(upload_id), "aud": _AUDIENCE, "exp": (now or clock.now()) + lasts}
        return f"{self._public_url}/files/{jwt.encode(claims, self._key, algorithm=_ALGORITHM)}"

    def read(self, text: str, now: datetime) -> tuple[UUID, UUID]:
        """(tenant, upload) of a link's last part; Problem 404 for a forged or ended one."""
        try:
            claims = jwt.decode(
                text, self._key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": _CLAIMS, "verify_exp": False}
            )
            place, ends = (UUID(claims["tenant"]), UUID(claims["file"])), float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            ends = 0.0
        if ends <= now.timestamp():
            raise Problem(404, "link_ended", "This link does not work any more. Open the file from its conversation again.")
        return place
