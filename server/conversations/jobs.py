"""Work of this room that runs in workers."""

from uuid import UUID

from server.conversations.uploads import DROP_JOB, drop_unused, files_of
from server.kit.jobs import Work, job


@job(DROP_JOB)
async def drop_unused_upload(work: Work, upload_id: str) -> None:
    """Forget a file that was sent a day ago and never said."""
    await drop_unused(work.db, files_of(work.resources.settings), work.tenant_id, UUID(upload_id))
