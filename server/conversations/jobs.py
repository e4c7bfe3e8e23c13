"""Work of this room that runs in workers."""

from uuid import UUID

from server.conversations.hear import PROCESS_JOB, finish_hearing
from server.conversations.inbox import ring_doorbell
from server.conversations.processing.contract import Aids
from server.conversations.uploads import DROP_JOB, drop_unused, files_of
from server.kit.jobs import Work, job


@job(DROP_JOB)
async def drop_unused_upload(work: Work, upload_id: str) -> None:
    """Forget a file that was sent a day ago and never said."""
    await drop_unused(work.db, files_of(work.resources.settings), work.tenant_id, UUID(upload_id))


@job(PROCESS_JOB)
async def process_input(work: Work, inbox_id: str) -> None:
    """Take an input through the stages that reach outside, then let its turn come."""
    resources = work.resources
    aids = Aids(resources.http, resources.settings.clamd)
    conversation_id = await finish_hearing(work.db, aids, work.tenant_id, UUID(inbox_id))
    if conversation_id is not None:
        await ring_doorbell(resources.redis, work.tenant_id, conversation_id)
