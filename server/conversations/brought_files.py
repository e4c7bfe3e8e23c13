"""Files that came with a provider's message, such as those in a mail: kept like the ones that customers send in the web chat."""

import io
import logging
from dataclasses import replace
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.contract import Inbound, Media, Received
from server.conversations.one_file import ReceivedFile
from server.conversations.tables import uploads
from server.conversations.uploads import LINK_OF_A_FLOW_LASTS, FileLinks, Owner, keep_upload
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.files import Files

log = logging.getLogger(__name__)


async def keep_brought(db: Database, files: Files, links: FileLinks, tenant_id: UUID, received: Received) -> Received:
    """The same with addresses instead of contents. Kinds that are not taken are left out; what no message uses is dropped in a day."""
    if not any(media.content is not None for said in received.messages for media in said.media):
        return received
    return replace(received, messages=[await _keep_all(db, files, links, tenant_id, said) for said in received.messages])


async def use_brought(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, said: Inbound) -> None:
    """From now on the files of a message belong to its conversation."""
    if ids := [UUID(media.kept_as) for media in said.media if media.kept_as]:
        theirs = uploads.c.tenant_id == tenant_id, uploads.c.id.in_(ids)
        await conn.execute(update(uploads).where(*theirs).values(used_at=clock.now(), conversation_id=conversation_id))


async def _keep_all(db: Database, files: Files, links: FileLinks, tenant_id: UUID, said: Inbound) -> Inbound:
    kept = [await _keep(db, files, links, tenant_id, media) for media in said.media]
    media = tuple(one for one in kept if one is not None)
    return replace(said, media=media, unsupported=None if media or said.text or said.choice or said.location else "file")


async def _keep(db: Database, files: Files, links: FileLinks, tenant_id: UUID, media: Media) -> Media | None:
    if media.content is None:
        return media
    given = ReceivedFile(io.BytesIO(media.content), media.name or media.kind, len(media.content))
    try:
        row = await keep_upload(db, files, Owner(tenant_id), given)
    except Problem as problem:
        log.info("a file of a message is left out: %s", problem)
        return None
    url = links.url(tenant_id, row.id, LINK_OF_A_FLOW_LASTS)
    return replace(media, url=url, media_type=row.media_type, size=row.size, content=None, kept_as=str(row.id))
